// A fixed tiny run in class exact: 20 steps from fixed parameters on fixed tokens. Its theta has
// one value on every CPU, compiler, path and number of threads: tests/golden/exact.txt has its
// root. Free of everything but kernels/, model/ and what they include.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "model/exact_llama.h"
#include "model/inner_loop.h"

namespace assay {

inline ModelShape golden_shape() {
    ModelShape shape;  // no size is a multiple of a vector's
    shape.vocab = 259;
    shape.width = 24;
    shape.layers = 2;
    shape.heads = 3;
    shape.kv_heads = 1;
    shape.head_width = 8;
    shape.ffn_width = 61;
    shape.context = 48;
    shape.tied = false;
    return shape;
}

// Lehmer's generator: for the run to need no more than a compiler.
inline uint64_t next_number(uint64_t& state) {
    state = state * 48271 % 2147483647;
    return state;
}

// Uniform values of matrices, norm weights around 1; padding +0.
inline std::vector<float> golden_theta(const ModelShape& shape) {
    const ParameterLayout layout = llama_layout(shape);
    std::vector<float> theta(layout.value_count(), 0.0F);
    uint64_t state = 1;
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            const auto number = static_cast<int32_t>(next_number(state) % 2001) - 1000;
            const float value = static_cast<float>(number) * 0x1.0p-13F;
            theta[tensor.first_value() + i] = tensor.rows == 1 ? 1.0F + value : value;
        }
    }
    return theta;
}

inline TokenBatch golden_batch(const ModelShape& shape, uint32_t step) {
    TokenBatch batch;
    batch.sequences = 5;
    batch.sequence_tokens = 37;
    uint64_t state = 12345 + step;
    for (uint32_t i = 0; i < batch.sequences * (batch.sequence_tokens + 1); ++i) {
        const uint64_t number = next_number(state);
        const uint64_t skewed = number % 1000 * (number / 1000 % 1000) / 1000;
        batch.tokens.push_back(
            static_cast<int32_t>(skewed * static_cast<uint64_t>(shape.vocab) / 1000));
    }
    return batch;
}

inline InnerState golden_run(const ExactOptions& options) {
    constexpr uint32_t kSteps = 20;
    const ModelShape shape = golden_shape();
    auto model = make_exact_llama(shape, options);
    AdamSettings adam;
    InnerPlan plan;
    plan.steps = kSteps;
    plan.grain_sequences = 2;
    plan.learning_rate_bits.assign(kSteps, 0x3c23d70aU);  // 0.01
    const BiasTable bias = bias_table(0.9, 0.95);
    plan.bias1_bits = bias.bias1_bits;
    plan.bias2_bits = bias.bias2_bits;
    InnerState state;
    state.theta = golden_theta(shape);
    state.m.assign(state.theta.size(), 0.0F);
    state.v.assign(state.theta.size(), 0.0F);
    std::vector<float> g(state.theta.size());
    for (uint32_t step = 0; step < kSteps; ++step) {
        const auto gradient = clipped_gradient(
            **model, state.theta, golden_batch(shape, step), plan.grain_sequences, adam.clip, g);
        if (!gradient) {
            std::fprintf(stderr, "step %u: %s\n", step, gradient.reason().c_str());
            std::exit(1);
        }
        const auto updated =
            adamw_all((*model)->pool(), (*model)->layout(), spans_of(state), g, adam, plan, step);
        if (!updated) {
            std::fprintf(stderr, "step %u: %s\n", step, updated.reason().c_str());
            std::exit(1);
        }
    }
    return state;
}

}  // namespace assay
