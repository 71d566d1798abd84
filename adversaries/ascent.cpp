#include "adversaries/ascent.h"

#include <algorithm>
#include <functional>

namespace assay {

StepGradient AscentPeer::step_gradient(const RoundPlan& plan,
                                       uint32_t step,
                                       std::span<const float> theta,
                                       const TokenBatch& batch,
                                       std::span<float> gradient) {
    StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
    std::transform(gradient.begin(), gradient.end(), gradient.begin(), std::negate<>());
    return losses;
}

}  // namespace assay
