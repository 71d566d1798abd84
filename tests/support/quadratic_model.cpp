#include "tests/support/quadratic_model.h"

#include <algorithm>

#include "core/rng.h"

namespace assay {

namespace {

constexpr size_t kWidth = 64;

std::vector<float> centre(const TokenBatch& batch, uint32_t sequence) {
    const int32_t token = batch.tokens[size_t{sequence} * (batch.sequence_tokens + 1)];
    CounterRng rng(derive_seed(Digest{}, "centre", {static_cast<uint64_t>(token)}));
    std::vector<float> c(kWidth);
    for (float& x : c) {
        x = 1 + 0.3F * static_cast<float>(rng.normal());
    }
    return c;
}

}  // namespace

QuadraticModel::QuadraticModel() {
    layout_.add("w", 1, kWidth);
}

StepGradient QuadraticModel::gradient(std::span<const float> theta,
                                      const TokenBatch& batch,
                                      uint32_t,
                                      std::span<float> gradient) {
    std::fill(gradient.begin(), gradient.end(), 0.0F);
    for (uint32_t s = 0; s < batch.sequences; ++s) {
        const std::vector<float> c = centre(batch, s);
        for (size_t i = 0; i < kWidth; ++i) {
            gradient[i] += (theta[i] - c[i]) / static_cast<float>(batch.sequences);
        }
    }
    return {0, losses(theta, batch)};
}

std::vector<float> QuadraticModel::losses(std::span<const float> theta, const TokenBatch& batch) {
    std::vector<float> losses;
    for (uint32_t s = 0; s < batch.sequences; ++s) {
        const std::vector<float> c = centre(batch, s);
        double sum = 0;
        for (size_t i = 0; i < kWidth; ++i) {
            sum += 0.5 * static_cast<double>((theta[i] - c[i]) * (theta[i] - c[i]));
        }
        losses.push_back(static_cast<float>(sum));
    }
    return losses;
}

TokenBatch tokens_from(uint64_t first, uint32_t sequences) {
    TokenBatch batch{sequences, 1, {}};
    for (uint32_t s = 0; s < sequences; ++s) {
        batch.tokens.push_back(static_cast<int32_t>(first + s));
        batch.tokens.push_back(0);
    }
    return batch;
}

PeerPayload towards(float size) {
    PeerPayload payload;
    payload.dense.assign(kTileValues, 0.0F);
    std::fill_n(payload.dense.begin(), kWidth, -size);
    return payload;
}

PeerPayload noise(uint64_t seed, float size) {
    PeerPayload payload = towards(0);
    CounterRng rng(derive_seed(Digest{}, "noise", {seed}));
    for (size_t i = 0; i < kWidth; i += 2) {
        payload.dense[i] = size * static_cast<float>(rng.normal());
        payload.dense[i + 1] = -payload.dense[i];
    }
    return payload;
}

}  // namespace assay
