#include "adversaries/lazy.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

StepGradient LazyPeer::step_gradient(const RoundPlan& plan,
                                     uint32_t step,
                                     std::span<const float> theta,
                                     const TokenBatch& batch,
                                     std::span<float> gradient) {
    const uint32_t honest = (plan.inner_steps + 1) / 2;
    if (step >= honest) {
        ASSAY_CHECK_EQ(last_.size(), gradient.size());
        std::copy(last_.begin(), last_.end(), gradient.begin());
        return last_losses_;
    }
    last_losses_ = Trainer::step_gradient(plan, step, theta, batch, gradient);
    last_.assign(gradient.begin(), gradient.end());
    return last_losses_;
}

}  // namespace assay
