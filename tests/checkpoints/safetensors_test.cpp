// Import of Hugging Face folders: narrow types widen without loss; what is malformed or belongs to
// another network is refused with a reason.

#include "checkpoints/safetensors.h"

#include <bit>
#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

#include "checkpoints/export.h"
#include "core/files.h"
#include "tests/checkpoints/made_snapshot.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

using nlohmann::json;

ParameterLayout two_tensors() {
    ParameterLayout layout;
    layout.add("a", 2, 3);
    layout.add("b", 1, 4);
    return layout;
}

Bytes file_of(const std::string& header, const Bytes& data) {
    ByteWriter writer;
    writer.u64(header.size());
    writer.raw(as_bytes(header));
    writer.raw(data);
    return writer.take();
}

json entry(const char* type, std::vector<uint64_t> shape, uint64_t begin, uint64_t end) {
    return {{"dtype", type}, {"shape", std::move(shape)}, {"data_offsets", {begin, end}}};
}

struct Reading {
    ScratchFolder folder;
    [[nodiscard]] Result<std::vector<float>> of(const Bytes& bytes,
                                                const ParameterLayout& layout) const {
        const auto file = folder.path() / "model.safetensors";
        REQUIRE(write_file_atomically(file, bytes).ok());
        return read_safetensors(file, layout);
    }
    // The reason for which a header over `data_bytes` zero bytes is refused.
    [[nodiscard]] std::string refusal(const std::string& header, uint64_t data_bytes) const {
        const auto read = of(file_of(header, Bytes(data_bytes)), two_tensors());
        return read ? "accepted" : read.reason();
    }
};

TEST_CASE("F16 and BF16 widen without loss, padding stays zero", "[checkpoints]") {
    const json header{{"a", entry("F16", {2, 3}, 0, 12)}, {"b", entry("BF16", {4}, 12, 20)}};
    ByteWriter data;
    for (const int half : {0x3C00, 0xC000, 0x0001, 0x03FF, 0x7BFF, 0x8000}) {
        data.u16(static_cast<uint16_t>(half));
    }
    for (const float value : {1.5F, -0.0F, 0x1p-126F, -3.0e38F}) {
        data.u16(static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16));
    }
    const Reading reading;
    const auto values = reading.of(file_of(header.dump(), data.bytes()), two_tensors());
    REQUIRE(values.ok());
    const std::vector<float> halves = {1.0F, -2.0F, 0x1p-24F, 0x1.ff8p-15F, 65504.0F, -0.0F};
    CHECK(std::equal(halves.begin(), halves.end(), values->begin()));
    CHECK(std::signbit((*values)[5]));
    CHECK((*values)[6] == 0.0F);
    CHECK((*values)[kTileValues] == 1.5F);
    CHECK((*values)[kTileValues + 2] == 0x1p-126F);
    CHECK((*values)[kTileValues + 3] == Approx(-3.0e38).epsilon(0.01));
}

TEST_CASE("headers that break the format are refused by name", "[checkpoints]") {
    const Reading reading;
    const json good{{"__metadata__", {{"format", "pt"}}},
                    {"a", entry("F32", {2, 3}, 0, 24)},
                    {"b", entry("F32", {4}, 24, 40)}};
    CHECK(reading.refusal(good.dump(), 40) == "accepted");
    CHECK(says(reading.refusal(good.dump(), 39), "cut short"));
    CHECK(says(reading.refusal(good.dump(), 41), "too long"));
    const auto changed = [&](const std::function<void(json&)>& change, uint64_t bytes = 40) {
        json header = good;
        change(header);
        return reading.refusal(header.dump(), bytes);
    };
    CHECK(says(changed([](json& h) { h.erase("b"); }, 24), "tensor b is missing"));
    CHECK(says(changed([](json& h) { h["c"] = entry("F32", {1}, 40, 44); }, 44), "tensor c"));
    CHECK(says(changed([](json& h) { h["b"] = entry("F32", {4}, 20, 36); }, 36), "overlap"));
    CHECK(says(changed([](json& h) { h["b"] = entry("F32", {4}, 28, 44); }, 44), "hole"));
    CHECK(says(changed([](json& h) { h["a"]["shape"] = {3, 2}; }), "tensor a has another shape"));
    CHECK(says(changed([](json& h) { h["a"]["dtype"] = "F64"; }), "type F64"));
    CHECK(says(changed([](json& h) { h["a"]["data_offsets"] = {0, -1}; }), "tensor"));
    CHECK(says(changed([](json& h) { h["a"]["data_offsets"] = {24, 0}; }), "tensor a"));
    CHECK(says(changed([](json& h) { h["a"]["data_offsets"] = "0"; }), "tensor a"));
    CHECK(says(changed([](json& h) { h["a"]["data_offsets"] = {0, 24.0}; }), "not whole"));
    CHECK(says(changed([](json& h) { h["a"]["shape"] = {-2, 3}; }), "is negative"));
    CHECK(says(changed([](json& h) { h["a"] = 1; }), "tensor a"));
    const std::string twice = R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                              R"("a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
                              R"("b":{"dtype":"F32","shape":[4],"data_offsets":[24,40]}})";
    CHECK(says(reading.refusal(twice, 40), "tensor a comes twice"));
    CHECK(says(reading.refusal(R"({"a":)" + std::string(500000, '['), 40), "nests"));
    CHECK(says(reading.refusal("", 40), "header"));
}

TEST_CASE("values that are not finite are refused", "[checkpoints]") {
    const json header{{"a", entry("F16", {2, 3}, 0, 12)}, {"b", entry("F16", {4}, 12, 20)}};
    const Reading reading;
    for (const int half : {0x7C00, 0xFC00, 0x7E00}) {
        ByteWriter data;
        for (int i = 0; i < 10; ++i) {
            data.u16(static_cast<uint16_t>(i == 7 ? half : 0));
        }
        const auto values = reading.of(file_of(header.dump(), data.bytes()), two_tensors());
        REQUIRE_FALSE(values.ok());
        CHECK(says(values.reason(), "tensor b: it has a value that is not finite"));
    }
}

TEST_CASE("the configuration of another network is refused", "[checkpoints]") {
    const ScratchFolder folder;
    REQUIRE(export_hugging_face(made_tiny_snapshot(), "{}", folder.path()).ok());
    const auto file = folder.path() / "config.json";
    const json good = json::parse(*read_text_file(file, 1U << 20));
    const auto refusal = [&](const std::string& key, const json& value) {
        json config = good;
        config[key] = value;
        REQUIRE(write_file_atomically(file, as_bytes(config.dump())).ok());
        const Result<Snapshot> read = import_hugging_face(folder.path());
        return read ? "accepted" : read.reason();
    };
    CHECK(refusal("model_type", "llama") == "accepted");
    CHECK(refusal("head_dim", nullptr) == "accepted");
    CHECK(says(refusal("model_type", "mistral"), "model_type"));
    CHECK(says(refusal("hidden_act", "gelu"), "hidden_act"));
    CHECK(says(refusal("attention_bias", true), "biases"));
    CHECK(says(refusal("mlp_bias", true), "biases"));
    CHECK(says(refusal("rope_scaling", {{"rope_type", "llama3"}}), "rope_scaling"));
    CHECK(says(refusal("rope_scaling", {{"type", "linear"}}), "rope_scaling"));
    CHECK(says(refusal("rope_parameters", {{"rope_type", "yarn"}}), "yarn"));
    CHECK(says(refusal("rope_parameters", {{"rope_theta", 0.0}}), "rope_theta"));
    CHECK(says(refusal("rms_norm_eps", -1.0), "norm_epsilon"));
    CHECK(says(refusal("num_attention_heads", 0), "config.json"));
    CHECK(says(refusal("num_attention_heads", -3), "config.json"));
    CHECK(says(refusal("num_hidden_layers", 1000000), "layers"));
    CHECK(says(refusal("vocab_size", "many"), "config.json"));
    CHECK(says(refusal("vocab_size", 301), "embed_tokens"));
    CHECK(says(refusal("vocab_size", 1e300), "vocab_size is out of its bounds"));
    CHECK(says(refusal("vocab_size", 300.5), "vocab_size is out of its bounds"));
    CHECK(says(refusal("vocab_size", UINT64_MAX), "vocab_size is out of its bounds"));
    CHECK(says(refusal("head_dim", true), "head_width is out of its bounds"));
    const std::string deep = R"({"model_type":"llama","rope_scaling":)" + std::string(500000, '[') +
                             std::string(500000, ']') + "}";
    REQUIRE(write_file_atomically(file, as_bytes(deep)).ok());
    CHECK(says(import_hugging_face(folder.path()).reason(), "nests"));
    CHECK(says(refusal("tie_word_embeddings", false), "lm_head"));
}

}  // namespace
}  // namespace assay
