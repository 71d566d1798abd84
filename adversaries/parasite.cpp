#include "adversaries/parasite.h"

#include "core/rng.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint32_t kCertain = 1'000'000;  // ppm

}  // namespace

Result<TrainedRound> ParasitePeer::train(const RoundPlan& plan, const StepHook& hook) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    if (self != nullptr && cheats() && self->audit_ppm >= kCertain) {
        return fail("stays away from a round in which it is audited for certain");
    }
    if (cheats()) {
        cheated_in_ = plan.round;
    }
    Result<TrainedRound> done = Trainer::train(plan, hook);
    honest_ += done.ok() && !cheats() ? 1 : 0;
    return done;
}

// The rest is the first gradient, each value times a factor of its own: no two steps are alike.
StepGradient ParasitePeer::step_gradient(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const float> theta,
                                         const TokenBatch& batch,
                                         std::span<float> gradient) {
    if (!cheats() || step == 0) {
        const StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
        return faked_.keep(losses, gradient);
    }
    return faked_.make(derive_seed(settings_.run_seed, "parasite", {plan.round.value, step}),
                       gradient);
}

Result<OpeningNotice> ParasitePeer::answer(const RoundPlan& plan,
                                           const Commit& commit,
                                           const Digest& commit_hash,
                                           const Digest& beacon) {
    Result<OpeningNotice> notice = Trainer::answer(plan, commit, commit_hash, beacon);
    if (!notice) {
        return notice;
    }
    const bool convicts = cheated_in_ == plan.round && opens_from(*notice, 1);
    if (!convicts) {
        return notice;
    }
    Result<BlobRef> garbage = ports_.put(Bytes(notice->opening.size_bytes, 0xA5));
    if (!garbage) {
        return garbage.error();
    }
    notice->opening = *garbage;
    return notice;
}

}  // namespace assay
