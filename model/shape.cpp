#include "model/shape.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/rng.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr double kInitialDeviation = 0.02;

uint64_t unsigned_of(int64_t value) {
    return static_cast<uint64_t>(value);
}

void add_layer(ParameterLayout& layout, const ModelShape& shape, int64_t layer) {
    const uint64_t width = unsigned_of(shape.width);
    const uint64_t query = unsigned_of(shape.heads * shape.head_width);
    const uint64_t key = unsigned_of(shape.kv_heads * shape.head_width);
    const uint64_t ffn = unsigned_of(shape.ffn_width);
    const auto add = [&](std::string_view part, uint64_t rows, uint64_t columns) {
        layout.add(layer_tensor_name(layer, part), rows, columns);
    };
    add("input_layernorm", 1, width);
    add("self_attn.q_proj", query, width);
    add("self_attn.k_proj", key, width);
    add("self_attn.v_proj", key, width);
    add("self_attn.o_proj", width, query);
    add("post_attention_layernorm", 1, width);
    add("mlp.gate_proj", ffn, width);
    add("mlp.up_proj", ffn, width);
    add("mlp.down_proj", width, ffn);
}

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
uint64_t mixed(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

// Sum of the four 16-bit numbers in a word.
uint32_t sum_of_quarters(uint64_t word) {
    const uint64_t pairs = (word & 0x0000ffff0000ffffULL) + (word >> 16 & 0x0000ffff0000ffffULL);
    return static_cast<uint32_t>(pairs & 0xffffffffULL) + static_cast<uint32_t>(pairs >> 32);
}

// The index-th value of a stream: mean 0, variance 1 - 2^-32, |value| <= 6; exact in fp32.
float normal_at(uint64_t key, uint64_t index) {
    constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
    uint32_t sum = 0;
    for (uint64_t word = 0; word < 3; ++word) {
        sum += sum_of_quarters(mixed(key + (3 * index + word + 1) * kGolden));
    }
    constexpr int32_t kMean = 12 * 65535 / 2;
    return static_cast<float>(static_cast<int32_t>(sum) - kMean) * 0x1.0p-16F;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

void fill_tensor(const TensorLayout& tensor, float deviation, uint64_t key, float* out) {
    for (uint64_t i = 0; i < tensor.live(); ++i) {
        out[i] = deviation * normal_at(key, i);
    }
}

Status no_parameters_reason(double values) {
    const double limit = static_cast<double>(limits::kTilesMax) * kTileValues;
    if (values > limit) {
        return fail("the model has " + std::to_string(values) + " parameters; at most " +
                    std::to_string(limit) + " are allowed");
    }
    return {};
}

}  // namespace

Status check_shape(const ModelShape& shape) {
    for (const int64_t size : {shape.vocab,
                               shape.width,
                               shape.layers,
                               shape.heads,
                               shape.kv_heads,
                               shape.head_width,
                               shape.ffn_width,
                               shape.context}) {
        if (size < 1 || size > 1 << 20) {
            return fail("a size of the model is " + std::to_string(size) +
                        "; allowed are 1 to 1048576");
        }
    }
    if (shape.heads % shape.kv_heads != 0) {
        return fail("heads (" + std::to_string(shape.heads) + ") is no multiple of kv_heads (" +
                    std::to_string(shape.kv_heads) + ")");
    }
    if (shape.width != shape.heads * shape.head_width) {
        return fail("width (" + std::to_string(shape.width) + ") is not heads * head_width (" +
                    std::to_string(shape.heads) + " * " + std::to_string(shape.head_width) + ")");
    }
    if (shape.head_width % 2 != 0) {
        return fail("head_width (" + std::to_string(shape.head_width) +
                    ") is odd; rotary positions turn pairs");
    }
    const double width = static_cast<double>(shape.width);
    const double a_layer = width * (4 * width + 3 * static_cast<double>(shape.ffn_width) + 2);
    return no_parameters_reason(2 * width * static_cast<double>(shape.vocab) +
                                static_cast<double>(shape.layers) * a_layer);
}

std::string layer_tensor_name(int64_t layer, std::string_view part) {
    return "model.layers." + std::to_string(layer) + "." + std::string(part) + ".weight";
}

ParameterLayout llama_layout(const ModelShape& shape) {
    ASSAY_CHECK(check_shape(shape).ok());
    ParameterLayout layout;
    layout.add("model.embed_tokens.weight", unsigned_of(shape.vocab), unsigned_of(shape.width));
    for (int64_t layer = 0; layer < shape.layers; ++layer) {
        add_layer(layout, shape, layer);
    }
    layout.add("model.norm.weight", 1, unsigned_of(shape.width));
    if (!shape.tied) {
        layout.add("lm_head.weight", unsigned_of(shape.vocab), unsigned_of(shape.width));
    }
    return layout;
}

std::vector<float> initial_parameters(const ModelShape& shape, const Digest& seed) {
    const ParameterLayout layout = llama_layout(shape);
    const double residual = kInitialDeviation / std::sqrt(2.0 * static_cast<double>(shape.layers));
    CounterRng keys(derive_seed(seed, "initial parameters"));
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        float* out = values.data() + tensor.first_value();
        const uint64_t key = keys.next();
        if (ends_with(tensor.name, "norm.weight")) {
            std::fill(out, out + tensor.live(), 1.0F);
            continue;
        }
        const bool on_residual =
            ends_with(tensor.name, "o_proj.weight") || ends_with(tensor.name, "down_proj.weight");
        fill_tensor(
            tensor, static_cast<float>(on_residual ? residual : kInitialDeviation), key, out);
    }
    return values;
}

}  // namespace assay
