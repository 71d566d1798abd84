#include "adversaries/long_con.h"

#include <algorithm>

#include "core/check.h"
#include "core/rng.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint32_t kTrusted = 200'000;  // ppm: an audit in five rounds or fewer

}  // namespace

StepGradient LongConPeer::step_gradient(const RoundPlan& plan,
                                        uint32_t step,
                                        std::span<const float> theta,
                                        const TokenBatch& batch,
                                        std::span<float> gradient) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    if (self == nullptr || self->audit_ppm > kTrusted || step == 0) {
        true_losses_ = Trainer::step_gradient(plan, step, theta, batch, gradient);
        true_.assign(gradient.begin(), gradient.end());
        return true_losses_;
    }
    ASSAY_CHECK_EQ(true_.size(), gradient.size());
    CounterRng rng(derive_seed(settings_.run_seed, "long con", {plan.round.value, step}));
    std::transform(true_.begin(), true_.end(), gradient.begin(), [&rng](float g) {
        return g * static_cast<float>(0.2 + 1.6 * rng.unit());
    });
    return true_losses_;
}

}  // namespace assay
