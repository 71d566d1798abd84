#include "kernels/adamw.h"

#include <algorithm>
#include <bit>

#include "core/check.h"
#include "kernels/kernel_path.h"
#include "kernels/rows_paths.h"

namespace assay {

namespace {

float table_value(std::span<const uint32_t> bits, uint64_t k) {
    return k <= bits.size() ? std::bit_cast<float>(bits[k - 1]) : 1.0F;
}

uint32_t bias_bits(double power) {
    return std::bit_cast<uint32_t>(static_cast<float>(1.0 / (1.0 - power)));
}

}  // namespace

bool adamw_step(std::span<float> theta,
                std::span<float> m,
                std::span<float> v,
                std::span<const float> g,
                const AdamScalars& scalars) {
    ASSAY_CHECK_EQ(theta.size(), m.size());
    ASSAY_CHECK_EQ(theta.size(), v.size());
    ASSAY_CHECK_EQ(theta.size(), g.size());
    ASSAY_CHECK(scalars.epsilon > 0);
    const AdamArrays arrays{theta.data(), m.data(), v.data(), g.data(), theta.size()};
    return rows_path(kernel_path()).adamw(arrays, scalars);
}

BiasTable bias_table(double beta1, double beta2) {
    ASSAY_CHECK(beta1 >= 0 && beta1 <= kBetaMax);
    ASSAY_CHECK(beta2 >= 0 && beta2 <= kBetaMax);
    const uint32_t one = std::bit_cast<uint32_t>(1.0F);
    BiasTable table;
    double power1 = beta1;
    double power2 = beta2;
    while (bias_bits(power1) != one || bias_bits(power2) != one) {
        table.bias1_bits.push_back(bias_bits(power1));
        table.bias2_bits.push_back(bias_bits(power2));
        power1 *= beta1;
        power2 *= beta2;
    }
    return table;
}

AdamScalars adam_scalars(const AdamSettings& settings,
                         uint32_t learning_rate_bits,
                         std::span<const uint32_t> bias1_bits,
                         std::span<const uint32_t> bias2_bits,
                         uint64_t k,
                         bool decayed) {
    ASSAY_CHECK(k > 0);
    const float learning_rate = std::bit_cast<float>(learning_rate_bits);
    AdamScalars scalars;
    scalars.beta1 = settings.beta1;
    scalars.one_minus_beta1 = 1.0F - settings.beta1;
    scalars.beta2 = settings.beta2;
    scalars.one_minus_beta2 = 1.0F - settings.beta2;
    scalars.epsilon = settings.epsilon;
    scalars.bias2 = table_value(bias2_bits, k);
    scalars.rate = learning_rate * table_value(bias1_bits, k);
    scalars.decay = decayed ? learning_rate * settings.weight_decay : 0.0F;
    return scalars;
}

}  // namespace assay
