#include "adversaries/denormal.h"

#include <cmath>

namespace assay {

namespace {

constexpr float kSmall = 1e-41F;

}  // namespace

StepGradient DenormalPeer::step_gradient(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const float> theta,
                                         const TokenBatch& batch,
                                         std::span<float> gradient) {
    StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
    for (float& value : gradient) {
        value = value == 0 ? 0 : std::copysign(kSmall, value);
    }
    return losses;
}

}  // namespace assay
