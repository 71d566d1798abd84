#include "adversaries/long_con.h"

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
        const StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
        return faked_.keep(losses, gradient);
    }
    return faked_.make(derive_seed(settings_.run_seed, "long con", {plan.round.value, step}),
                       gradient);
}

}  // namespace assay
