#include "checkpoints/snapshot.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/merkle.h"

namespace assay {

namespace {

// "1066880" -> "1,066,880".
std::string grouped(uint64_t number) {
    std::string text = std::to_string(number);
    for (size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, ",");
    }
    return text;
}

std::string in_words(int64_t value) {
    return std::to_string(value);
}

std::string in_words(double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%g", value);
    return text;
}

std::string in_words(bool value) {
    return value ? "yes" : "no";
}

std::string padded(std::string text, size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
}

// One setting a line: name, value with its unit, help.
struct ShapeLines {
    std::string text;
    template <typename T>
    void operator()(const Field& field, const T& value) {
        const std::string unit = field.unit.empty() ? "" : " " + std::string(field.unit);
        text += "  " + padded(std::string(field.name), 14) + padded(in_words(value) + unit, 15) +
                std::string(field.help) + "\n";
    }
};

struct ShapeJson {
    nlohmann::ordered_json& json;
    template <typename T>
    void operator()(const Field& field, const T& value) {
        json[std::string(field.name)] = value;
    }
};

}  // namespace

std::string describe_snapshot(const Snapshot& snapshot) {
    const ParameterLayout layout = llama_layout(snapshot.shape);
    ASSAY_CHECK_EQ(snapshot.theta.size(), layout.value_count());
    ShapeLines shape;
    snapshot.shape.for_each(shape);
    std::string text = "run         " + snapshot.run_name + "\n";
    text += "manifest    " + snapshot.manifest.hex() + "\n";
    text += "next round  " + std::to_string(snapshot.round.value) + "\n";
    text += "theta root  " + tiles_root(snapshot.theta).hex() + "\n";
    text += "parameters  " + grouped(layout.live_count()) + " in all, in " +
            std::to_string(layout.tensors.size()) + " tensors and " +
            std::to_string(layout.tile_count()) + " tiles\n";
    return text + "shape\n" + shape.text;
}

std::string snapshot_json(const Snapshot& snapshot) {
    const ParameterLayout layout = llama_layout(snapshot.shape);
    ASSAY_CHECK_EQ(snapshot.theta.size(), layout.value_count());
    nlohmann::ordered_json shape;
    ShapeJson writer{shape};
    snapshot.shape.for_each(writer);
    nlohmann::ordered_json all;
    all["run"] = snapshot.run_name;
    all["manifest"] = snapshot.manifest.hex();
    all["next_round"] = snapshot.round.value;
    all["theta_root"] = tiles_root(snapshot.theta).hex();
    all["parameters"] = layout.live_count();
    all["tensors"] = layout.tensors.size();
    all["tiles"] = layout.tile_count();
    all["shape"] = shape;
    return all.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace assay
