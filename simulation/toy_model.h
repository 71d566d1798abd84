// The simulation's network: predicts the next token's one-hot vector by a linear map; loss in
// closed form, and so is its optimum. Small enough for thousands of rounds a minute.
//
// loss of a target = 1/2 |W[last token] + c - onehot(next token)|^2. Plain fp32 loops:
// bit-identical on one machine, so the simulation runs in class exact.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/digest.h"
#include "model/gradient_model.h"

namespace assay {

class ToyModel : public GradientModel {
public:
    static constexpr uint32_t kVocab = 60;

    ToyModel();
    [[nodiscard]] const ParameterLayout& layout() const override { return layout_; }
    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t grain_sequences,
                          std::span<float> gradient) override;
    std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) override;
    // Sequences whose gradients it computed: what a peer's work is counted by.
    [[nodiscard]] uint64_t sequences_trained() const { return sequences_trained_; }

private:
    [[nodiscard]] float sequence_loss(std::span<const float> theta,
                                      std::span<const int32_t> row,
                                      float scale,
                                      std::span<float> gradient) const;
    ParameterLayout layout_;
    uint64_t sequences_trained_ = 0;
};

// Small values with zero padding.
std::vector<float> toy_parameters(const ParameterLayout& layout, const Digest& seed);

// Tokens of samples, (count, T + 1): walks whose next token mostly follows from the last one.
// Streams with different names are different samples.
std::vector<int32_t> toy_tokens(const Digest& seed,
                                std::string_view stream,
                                std::span<const uint64_t> samples,
                                uint32_t sequence_tokens);

}  // namespace assay
