#include "adversaries/little.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace assay {

StepGradient LittlePeer::step_gradient(const RoundPlan& plan,
                                       uint32_t step,
                                       std::span<const float> theta,
                                       const TokenBatch& batch,
                                       std::span<float> gradient) {
    StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
    if (step == 0) {
        mean_.assign(gradient.size(), 0.0F);
        squares_.assign(gradient.size(), 0.0F);
    }
    ASSAY_CHECK_EQ(mean_.size(), gradient.size());
    const float weight = 1.0F / static_cast<float>(step + 1);
    for (size_t i = 0; i < gradient.size(); ++i) {
        mean_[i] += weight * (gradient[i] - mean_[i]);
        squares_[i] += weight * (gradient[i] * gradient[i] - squares_[i]);
        const float spread = std::sqrt(std::max(squares_[i] - mean_[i] * mean_[i], 0.0F));
        gradient[i] =
            mean_[i] - std::copysign(std::max(0.5F * spread, 0.1F * std::abs(mean_[i])), mean_[i]);
    }
    return losses;
}

}  // namespace assay
