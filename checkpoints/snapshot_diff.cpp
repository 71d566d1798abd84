#include "checkpoints/snapshot_diff.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "core/check.h"
#include "core/merkle.h"

namespace assay {

namespace {

using Values = std::span<const float>;

// What the settings of a shape are, in words.
struct ShapeWords {
    std::vector<std::pair<std::string, std::string>> words;
    template <typename T>
    void operator()(const Field& field, const T& value) {
        words.emplace_back(field.name, nlohmann::json(value).dump());
    }
};

Status same_shape(const ModelShape& first, const ModelShape& second) {
    if (first == second) {
        return {};
    }
    ShapeWords one;
    ShapeWords other;
    first.for_each(one);
    second.for_each(other);
    std::string all;
    for (size_t i = 0; i < one.words.size(); ++i) {
        if (one.words[i].second != other.words[i].second) {
            all += (all.empty() ? "" : ", ") + one.words[i].first + " " + one.words[i].second +
                   " and " + other.words[i].second;
        }
    }
    return fail("the models differ in shape, so that their tensors cannot be compared: " + all);
}

void add_value(TensorDiff& diff, float first, float second, uint64_t index, uint64_t columns) {
    ++diff.values;
    diff.equal += std::bit_cast<uint32_t>(first) == std::bit_cast<uint32_t>(second) ? 1U : 0U;
    const double difference = static_cast<double>(first) - static_cast<double>(second);
    if (!std::isfinite(difference)) {
        ++diff.not_finite;
        return;
    }
    diff.first_squares += static_cast<double>(first) * static_cast<double>(first);
    diff.squares += difference * difference;
    if (std::abs(difference) > diff.largest) {
        diff.largest = std::abs(difference);
        diff.row = index / columns;
        diff.column = index % columns;
    }
}

// Both spans are whole tiles of one tensor.
TensorDiff diff_tensor(const TensorLayout& tensor, Values first, Values second) {
    ASSAY_CHECK_EQ(first.size(), second.size());
    ASSAY_CHECK_LE(tensor.live(), first.size());
    TensorDiff diff;
    diff.name = tensor.name;
    for (uint64_t i = 0; i < tensor.live(); ++i) {
        add_value(diff, first[i], second[i], i, tensor.columns);
    }
    diff.digests_equal = tiles_root(first) == tiles_root(second);
    ASSAY_CHECK_EQ(diff.values, tensor.live());
    return diff;
}

// The outer state in one row each: its place is that in the flat buffer.
void add_flat(SnapshotDiff& diff, const std::string& name, Values first, Values second) {
    if (first.empty() || first.size() != second.size()) {
        return;
    }
    TensorLayout flat;
    flat.name = name;
    flat.columns = first.size();
    diff.tensors.push_back(diff_tensor(flat, first, second));
}

void add_to_model(SnapshotDiff& diff, const TensorDiff& tensor) {
    TensorDiff& all = diff.model;
    all.values += tensor.values;
    all.equal += tensor.equal;
    all.not_finite += tensor.not_finite;
    all.first_squares += tensor.first_squares;
    all.squares += tensor.squares;
    if (tensor.largest > all.largest) {
        all.largest = tensor.largest;
        diff.largest_tensor = tensor.name;
    }
}

// "model.layers.3.mlp.up_proj.weight" -> "layers.3.mlp.up_proj".
std::string short_name(std::string name) {
    constexpr std::string_view kBefore = "model.";
    constexpr std::string_view kBehind = ".weight";
    if (name.rfind(kBefore, 0) == 0) {
        name.erase(0, kBefore.size());
    }
    if (name.size() > kBehind.size() && name.ends_with(kBehind)) {
        name.resize(name.size() - kBehind.size());
    }
    return name;
}

// Cut, not rounded: 100 % is said of equal tensors alone.
std::string percent_equal(const TensorDiff& diff) {
    ASSAY_CHECK(diff.values > 0 && diff.equal <= diff.values);
    const double share = static_cast<double>(diff.equal) / static_cast<double>(diff.values);
    char text[32];
    std::snprintf(text, sizeof(text), "%.2f%%", std::floor(share * 10000) / 100);
    return text;
}

std::string table_row(const TensorDiff& diff, const std::string& place) {
    char text[256];
    std::snprintf(text,
                  sizeof(text),
                  "%-36.36s %9.3e %9.3e %9.3e %-13.13s %8s %s\n",
                  short_name(diff.name).c_str(),
                  diff.norm(),
                  diff.relative(),
                  diff.largest,
                  place.c_str(),
                  percent_equal(diff).c_str(),
                  diff.digests_equal ? "equal" : "differs");
    std::string row = text;
    if (diff.not_finite > 0) {
        row += "    " + std::to_string(diff.not_finite) +
               " differences are no numbers: they are in no figure but the share of equal values\n";
    }
    return row;
}

std::string place_of(const TensorDiff& diff) {
    if (diff.largest == 0) {
        return "-";
    }
    return std::to_string(diff.row) + "," + std::to_string(diff.column);
}

nlohmann::ordered_json row_json(const TensorDiff& diff) {
    nlohmann::ordered_json json;
    json["name"] = diff.name;
    json["values"] = diff.values;
    json["equal_values"] = diff.equal;
    json["not_finite"] = diff.not_finite;
    json["norm"] = diff.norm();
    json["relative"] = diff.relative();  // null where it is infinite
    json["largest"] = diff.largest;
    json["digests_equal"] = diff.digests_equal;
    return json;
}

}  // namespace

double TensorDiff::norm() const {
    return std::sqrt(squares);
}

double TensorDiff::relative() const {
    if (squares == 0) {
        return 0;
    }
    return first_squares > 0 ? std::sqrt(squares / first_squares)
                             : std::numeric_limits<double>::infinity();
}

bool SnapshotDiff::equal() const {
    return std::all_of(
        tensors.begin(), tensors.end(), [](const TensorDiff& diff) { return diff.digests_equal; });
}

Result<SnapshotDiff> diff_snapshots(const Snapshot& first, const Snapshot& second) {
    if (Status same = same_shape(first.shape, second.shape); !same) {
        return same.error();
    }
    const ParameterLayout layout = llama_layout(first.shape);
    ASSAY_CHECK_EQ(first.theta.size(), layout.value_count());
    ASSAY_CHECK_EQ(second.theta.size(), layout.value_count());
    SnapshotDiff diff;
    diff.first_round = first.round.value;
    diff.second_round = second.round.value;
    diff.model.name = "all of the model";
    for (const TensorLayout& tensor : layout.tensors) {
        const size_t count = tensor.tile_count() * kTileValues;
        diff.tensors.push_back(
            diff_tensor(tensor,
                        Values(first.theta).subspan(tensor.first_value(), count),
                        Values(second.theta).subspan(tensor.first_value(), count)));
        add_to_model(diff, diff.tensors.back());
    }
    ASSAY_CHECK_EQ(diff.model.values, layout.live_count());
    diff.model.digests_equal = tiles_root(first.theta) == tiles_root(second.theta);
    add_flat(diff, "outer accumulator", first.accumulator, second.accumulator);
    add_flat(diff, "outer momentum", first.momentum, second.momentum);
    return diff;
}

std::string describe_diff(const SnapshotDiff& diff) {
    char text[256];
    std::snprintf(text,
                  sizeof(text),
                  "%-36s %9s %9s %9s %-13s %8s %s\n",
                  "tensor",
                  "norm",
                  "relative",
                  "largest",
                  "at row,column",
                  "equal",
                  "digests");
    std::string all = text;
    for (const TensorDiff& tensor : diff.tensors) {
        all += table_row(tensor, place_of(tensor));
    }
    all += table_row(diff.model, "-");
    if (!diff.largest_tensor.empty()) {
        all += "The largest difference is in " + diff.largest_tensor + ".\n";
    }
    if (diff.first_round != diff.second_round) {
        all += "Next rounds: " + std::to_string(diff.first_round) + " and " +
               std::to_string(diff.second_round) + ".\n";
    }
    return all + (diff.equal() ? "Equal, bit for bit.\n" : "Different.\n");
}

std::string diff_json(const SnapshotDiff& diff) {
    nlohmann::ordered_json json;
    json["equal"] = diff.equal();
    json["next_rounds"] = {diff.first_round, diff.second_round};
    json["model"] = row_json(diff.model);
    json["model"]["largest_tensor"] = diff.largest_tensor;
    for (const TensorDiff& tensor : diff.tensors) {
        nlohmann::ordered_json row = row_json(tensor);
        row["row"] = tensor.row;
        row["column"] = tensor.column;
        json["tensors"].push_back(row);
    }
    return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace assay
