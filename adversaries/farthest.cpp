#include "adversaries/farthest.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace assay {

StepGradient FarthestPeer::step_gradient(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const float> theta,
                                         const TokenBatch& batch,
                                         std::span<float> gradient) {
    StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
    if (step == 0) {
        first_.assign(gradient.begin(), gradient.end());
    }
    ASSAY_CHECK_EQ(first_.size(), gradient.size());
    double apart = 0;
    double norm = 0;
    for (size_t i = 0; i < gradient.size(); ++i) {
        const double between = static_cast<double>(gradient[i] - first_[i]);
        apart += between * between;
        norm += static_cast<double>(first_[i]) * static_cast<double>(first_[i]);
    }
    const double ratio = norm > 0 ? std::sqrt(std::max(apart, norm / 4) / norm) : 0;
    const auto factor = static_cast<float>(1 - ratio);
    std::transform(
        first_.begin(), first_.end(), gradient.begin(), [factor](float g) { return factor * g; });
    return losses;
}

}  // namespace assay
