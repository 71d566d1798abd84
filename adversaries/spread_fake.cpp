#include "adversaries/spread_fake.h"

#include <algorithm>
#include <cmath>

namespace assay {

StepGradient SpreadFakePeer::step_gradient(const RoundPlan& plan,
                                           uint32_t step,
                                           std::span<const float> theta,
                                           const TokenBatch& batch,
                                           std::span<float> gradient) {
    StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
    const float size = 1.0F / std::sqrt(static_cast<float>(gradient.size()));
    std::transform(theta.begin(), theta.end(), gradient.begin(), [size](float value) {
        return value == 0 ? 0 : std::copysign(size, value);
    });
    return losses;
}

}  // namespace assay
