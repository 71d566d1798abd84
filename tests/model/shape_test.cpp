// Order of parameters and initial values.

#include "model/shape.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/merkle.h"
#include "core/rng.h"

namespace assay {
namespace {

Digest shape_seed(uint64_t number) {
    return derive_seed({}, "shape test", {number});
}

struct Moments {
    double mean = 0;
    double deviation = 0;
    double kurtosis = 0;
};

Moments moments_of(const float* values, uint64_t count) {
    double sum = 0;
    double square = 0;
    double fourth = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const double x = static_cast<double>(values[i]);
        sum += x;
        square += x * x;
        fourth += x * x * x * x;
    }
    const double n = static_cast<double>(count);
    return {sum / n, std::sqrt(square / n), fourth / n / (square / n * square / n)};
}

}  // namespace

TEST_CASE("the layout names tensors as Hugging Face does, in order", "[shape]") {
    ModelShape shape;
    shape.layers = 2;
    const ParameterLayout tied = llama_layout(shape);
    REQUIRE(tied.tensors.size() == 1 + 2 * 9 + 1);
    REQUIRE(tied.tensors[0].name == "model.embed_tokens.weight");
    REQUIRE(tied.tensors[1].name == "model.layers.0.input_layernorm.weight");
    REQUIRE(tied.tensors[3].name == "model.layers.0.self_attn.k_proj.weight");
    REQUIRE(tied.tensors[3].rows == 64);
    REQUIRE(tied.tensors[3].columns == 128);
    REQUIRE(tied.tensors[18].name == "model.layers.1.mlp.down_proj.weight");
    REQUIRE(tied.tensors[18].rows == 128);
    REQUIRE(tied.tensors[18].columns == 480);
    REQUIRE(tied.tensors[19].name == "model.norm.weight");
    REQUIRE_FALSE(tied.tensors[19].decayed());
    shape.tied = false;
    const ParameterLayout untied = llama_layout(shape);
    REQUIRE(untied.tensors.back().name == "lm_head.weight");
    REQUIRE(untied.tensors.back().rows == 1024);
    REQUIRE(untied.digest() != tied.digest());
}

TEST_CASE("shapes that do not fit together are refused in words", "[shape]") {
    REQUIRE(check_shape(ModelShape{}).ok());
    ModelShape shape;
    shape.kv_heads = 3;
    REQUIRE_THAT(check_shape(shape).reason(), Catch::Contains("multiple of kv_heads"));
    shape = {};
    shape.width = 130;
    REQUIRE_THAT(check_shape(shape).reason(), Catch::Contains("heads * head_width"));
    shape = {};
    shape.heads = 128;
    shape.head_width = 1;
    shape.kv_heads = 1;
    REQUIRE_THAT(check_shape(shape).reason(), Catch::Contains("odd"));
    shape = {};
    shape.layers = 0;
    REQUIRE_FALSE(check_shape(shape).ok());
    shape = {};
    shape.heads = 1024;
    shape.head_width = 1024;
    shape.width = 1 << 20;
    REQUIRE_THAT(check_shape(shape).reason(), Catch::Contains("parameters"));
}

TEST_CASE("initial values are normal, scaled on the residual path, ones for norms", "[shape]") {
    const ModelShape shape;
    const ParameterLayout layout = llama_layout(shape);
    const std::vector<float> values = initial_parameters(shape, shape_seed(1));
    REQUIRE(values.size() == layout.value_count());
    for (const TensorLayout& tensor : layout.tensors) {
        const float* begin = values.data() + tensor.first_value();
        const float* end = begin + tensor.live();
        REQUIRE(std::all_of(
            end, begin + tensor.tile_count() * kTileValues, [](float x) { return x == 0.0F; }));
        if (!tensor.decayed()) {
            REQUIRE(std::all_of(begin, end, [](float x) { return x == 1.0F; }));
            continue;
        }
        const bool on_residual = tensor.name.find("o_proj") != std::string::npos ||
                                 tensor.name.find("down_proj") != std::string::npos;
        const double wanted = on_residual ? 0.02 / std::sqrt(8.0) : 0.02;
        const Moments moments = moments_of(begin, tensor.live());
        const double n = static_cast<double>(tensor.live());
        INFO(tensor.name);
        REQUIRE(std::abs(moments.mean) < 5 * wanted / std::sqrt(n));
        REQUIRE(std::abs(moments.deviation / wanted - 1) < 5 / std::sqrt(2 * n));
        REQUIRE(moments.kurtosis == Approx(2.9).margin(0.3));  // twelve uniforms: 3 - 1.2 / 12
    }
}

TEST_CASE("initial values follow from shape and seed alone", "[shape]") {
    const ModelShape shape;
    const std::vector<float> values = initial_parameters(shape, shape_seed(1));
    REQUIRE(values == initial_parameters(shape, shape_seed(1)));
    REQUIRE(values != initial_parameters(shape, shape_seed(2)));
    const ParameterLayout layout = llama_layout(shape);
    const float* q = values.data() + layout.tensors[2].first_value();
    const float* gate = values.data() + layout.tensors[7].first_value();
    REQUIRE_FALSE(std::equal(q, q + 4096, gate));
    // Fixed for ever: every node of a run must start from these bits.
    REQUIRE(tiles_root(values).hex() ==
            "564c509ed8f13900696807fc11b02a87ec2b72e222a24b91f1530031e75a1720");
}

}  // namespace assay
