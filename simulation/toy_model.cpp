#include "simulation/toy_model.h"

#include <algorithm>

#include "core/check.h"
#include "core/rng.h"

namespace assay {

ToyModel::ToyModel() {
    layout_.add("map", kVocab, kVocab);
    layout_.add("bias", 1, kVocab);
}

// Mean loss of one row; adds scale * d(sum of losses)/d(theta) to `gradient` if it has a size.
float ToyModel::sequence_loss(std::span<const float> theta,
                              std::span<const int32_t> row,
                              float scale,
                              std::span<float> gradient) const {
    const size_t bias = layout_.tensors[1].first_value();
    double total = 0;
    for (size_t t = 0; t + 1 < row.size(); ++t) {
        const size_t from = static_cast<size_t>(row[t]) * kVocab;
        const auto target = static_cast<size_t>(row[t + 1]);
        float squares = 0;
        for (size_t i = 0; i < kVocab; ++i) {
            const float error = theta[from + i] + theta[bias + i] - (i == target ? 1.0F : 0.0F);
            squares += error * error;
            if (!gradient.empty()) {
                gradient[from + i] += scale * error;
                gradient[bias + i] += scale * error;
            }
        }
        total += 0.5 * static_cast<double>(squares);
    }
    return static_cast<float>(total / static_cast<double>(row.size() - 1));
}

StepGradient ToyModel::gradient(std::span<const float> theta,
                                const TokenBatch& batch,
                                uint32_t grain_sequences,
                                std::span<float> gradient) {
    ASSAY_CHECK_EQ(theta.size(), layout_.value_count());
    ASSAY_CHECK_EQ(gradient.size(), layout_.value_count());
    ASSAY_CHECK_LT(uint32_t{0}, grain_sequences);
    const size_t width = batch.sequence_tokens + 1;
    ASSAY_CHECK_EQ(batch.tokens.size(), batch.sequences * width);
    const float scale = 1.0F / static_cast<float>(batch.target_count());
    std::fill(gradient.begin(), gradient.end(), 0.0F);
    std::vector<float> grain(gradient.size());
    StepGradient result;
    double total = 0;
    for (uint32_t first = 0; first < batch.sequences; first += grain_sequences) {
        std::fill(grain.begin(), grain.end(), 0.0F);
        const uint32_t end = std::min(batch.sequences, first + grain_sequences);
        for (uint32_t s = first; s < end; ++s) {
            const std::span<const int32_t> tokens(batch.tokens);
            const float loss = sequence_loss(theta, tokens.subspan(s * width, width), scale, grain);
            result.sequence_losses.push_back(loss);
            total += static_cast<double>(loss);
        }
        for (size_t i = 0; i < gradient.size(); ++i) {
            gradient[i] += grain[i];
        }
    }
    sequences_trained_ += batch.sequences;
    result.mean_loss = static_cast<float>(total / std::max<double>(batch.sequences, 1));
    return result;
}

std::vector<float> ToyModel::losses(std::span<const float> theta, const TokenBatch& batch) {
    const size_t width = batch.sequence_tokens + 1;
    ASSAY_CHECK_EQ(batch.tokens.size(), batch.sequences * width);
    std::vector<float> losses;
    for (uint32_t s = 0; s < batch.sequences; ++s) {
        const std::span<const int32_t> tokens(batch.tokens);
        losses.push_back(sequence_loss(theta, tokens.subspan(s * width, width), 0, {}));
    }
    return losses;
}

std::vector<float> toy_parameters(const ParameterLayout& layout, const Digest& seed) {
    std::vector<float> theta(layout.value_count(), 0.0F);
    CounterRng rng(derive_seed(seed, "toy parameters"));
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            theta[tensor.first_value() + i] = static_cast<float>(0.05 * (rng.unit() - 0.5));
        }
    }
    return theta;
}

std::vector<int32_t> toy_tokens(const Digest& seed,
                                std::string_view stream,
                                std::span<const uint64_t> samples,
                                uint32_t sequence_tokens) {
    std::vector<int32_t> tokens;
    for (const uint64_t sample : samples) {
        CounterRng rng(derive_seed(seed, stream, {sample}));
        uint64_t token = rng.below(ToyModel::kVocab);
        for (uint32_t t = 0; t <= sequence_tokens; ++t) {
            tokens.push_back(static_cast<int32_t>(token));
            const uint64_t noise = rng.below(8);
            token = noise == 0 ? rng.below(ToyModel::kVocab)
                               : (token * 5 + 7 + noise % 2) % ToyModel::kVocab;
        }
    }
    return tokens;
}

}  // namespace assay
