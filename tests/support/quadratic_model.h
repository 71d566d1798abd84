// A loss whose shares and directions are known, and dense payloads that point somewhere in it.

#pragma once

#include <vector>

#include "model/gradient_model.h"
#include "verify/peer_payload.h"

namespace assay {

// Loss of a sequence: 0.5 |theta - c|^2, with c drawn by its first token. Quadratic, so shares are
// exact; one tile.
class QuadraticModel : public GradientModel {
public:
    QuadraticModel();
    [[nodiscard]] const ParameterLayout& layout() const override { return layout_; }
    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t grain_sequences,
                          std::span<float> gradient) override;
    std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) override;

private:
    ParameterLayout layout_;
};

// Sequences of one token, first, first + 1, ...
TokenBatch tokens_from(uint64_t first, uint32_t sequences);

// A dense payload in the direction of the mean minimum, times `size`.
PeerPayload towards(float size);

// One without any part along the all-ones direction, in which the gradient is steady.
PeerPayload noise(uint64_t seed, float size = 1);

}  // namespace assay
