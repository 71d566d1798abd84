// AdamW as one elementwise kernel with a fixed order of operations, and its scalars as bit
// patterns.
//
// The same bits on every machine: each operation is one fp32 operation rounded to nearest, none is
// fused but the named fma (reference: docs/exact-arithmetic.md, section "AdamW"). Not a schedule:
// learning rates and bias corrections come from the plan. Stateless; any thread.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace assay {

struct AdamSettings {
    float beta1 = 0.9F;
    float beta2 = 0.95F;
    float epsilon = 1e-8F;
    float weight_decay = 0.1F;
    float clip = 1.0F;  // largest global norm of a gradient; 0: no clipping
};

struct AdamScalars {
    float beta1 = 0;
    float one_minus_beta1 = 0;  // fl(1 - beta1)
    float beta2 = 0;
    float one_minus_beta2 = 0;
    float epsilon = 0;
    float bias2 = 0;  // fl(1 / (1 - beta2^k))
    float rate = 0;   // fl(learning rate * fl(1 / (1 - beta1^k)))
    float decay = 0;  // fl(learning rate * weight decay); 0 for vectors
};

// One step, in place, for each i:
//   m <- fma(beta1, m, (1-beta1) * g)          v <- fma(beta2, v, (1-beta2) * (g * g))
//   d  = sqrt(v * bias2) + epsilon             t  = fma(-decay, theta, theta)
//   theta <- fma(-rate, m / d, t)
// Zeros stay zeros (padding). The bits are specified for finite values: a NaN stays a NaN, its
// payload is not specified. False if a value of theta or v is not finite now: what is wrong with
// theta, m, v or g before the step is so after it. REQUIRES: equal sizes, epsilon > 0.
bool adamw_step(std::span<float> theta,
                std::span<float> m,
                std::span<float> v,
                std::span<const float> g,
                const AdamScalars& scalars);

// 1 / (1 - beta^k) for k = 1, 2, ..: beta^k by repeated multiplication in double, the quotient in
// double, rounded to fp32. Both tables end where both have become 1. Fits limits::kBiasTableMax.
struct BiasTable {
    std::vector<uint32_t> bias1_bits;
    std::vector<uint32_t> bias2_bits;
};
constexpr double kBetaMax = 0.995;
// REQUIRES: 0 <= beta1, beta2 <= kBetaMax.
BiasTable bias_table(double beta1, double beta2);

// Scalars of a peer's k-th counted optimiser step, k from 1. Past the end of a table its value
// is 1. decayed: whether weight decay applies to the tensor (TensorLayout::decayed()).
AdamScalars adam_scalars(const AdamSettings& settings,
                         uint32_t learning_rate_bits,
                         std::span<const uint32_t> bias1_bits,
                         std::span<const uint32_t> bias2_bits,
                         uint64_t k,
                         bool decayed);

}  // namespace assay
