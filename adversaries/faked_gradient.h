// Gradients that cost nothing: the last one that was computed, each value times a factor of its
// own, so that no two steps are alike.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/digest.h"
#include "model/gradient_model.h"
#include "protocol/messages.h"

namespace assay {

class FakedGradient {
public:
    // A gradient as it should be; gives its losses back.
    StepGradient keep(StepGradient losses, std::span<const float> gradient);
    // Another one, with the losses of the one that was kept. REQUIRES: keep(), of the same size.
    StepGradient make(const Digest& seed, std::span<float> gradient) const;

private:
    std::vector<float> true_;
    StepGradient losses_;
};

// Whether the draw convicts who has faked the steps from `first` on.
bool opens_from(const OpeningNotice& notice, uint32_t first);

}  // namespace assay
