#include "adversaries/huge.h"

#include <algorithm>
#include <cmath>

namespace assay {

namespace {

constexpr float kLarge = 1e15F;

}  // namespace

StepGradient HugePeer::step_gradient(const RoundPlan& plan,
                                     uint32_t step,
                                     std::span<const float> theta,
                                     const TokenBatch& batch,
                                     std::span<float> gradient) {
    StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
    float largest = 0;
    for (const float value : gradient) {
        largest = std::max(largest, std::abs(value));
    }
    const float factor = largest > 0 ? kLarge / largest : 0;
    for (float& value : gradient) {
        value *= factor;
    }
    return losses;
}

}  // namespace assay
