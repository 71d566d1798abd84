#include "adversaries/surfer.h"

#include <cmath>

namespace assay {

namespace {

constexpr float kLean = 9e-6F;

}  // namespace

StepGradient SurferPeer::step_gradient(const RoundPlan& plan,
                                       uint32_t step,
                                       std::span<const float> theta,
                                       const TokenBatch& batch,
                                       std::span<float> gradient) {
    StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
    for (float& value : gradient) {
        value += kLean * std::abs(value);
    }
    return losses;
}

}  // namespace assay
