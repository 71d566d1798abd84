#include "adversaries/low_precision.h"

#include <algorithm>
#include <bit>

namespace assay {

StepGradient LowPrecisionPeer::step_gradient(const RoundPlan& plan,
                                             uint32_t step,
                                             std::span<const float> theta,
                                             const TokenBatch& batch,
                                             std::span<float> gradient) {
    std::vector<float> rounded(theta.size());
    std::transform(theta.begin(), theta.end(), rounded.begin(), [](float value) {
        return std::bit_cast<float>((std::bit_cast<uint32_t>(value) + 0x8000U) & 0xFFFF0000U);
    });
    return Trainer::step_gradient(plan, step, rounded, batch, gradient);
}

}  // namespace assay
