#include "adversaries/second_commit.h"

#include "core/rng.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint32_t kSure = 1'000'000;  // ppm
constexpr uint32_t kHonestFirst = 2;

}  // namespace

Result<TrainedRound> SecondCommitPeer::train(const RoundPlan& plan, const StepHook& hook) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    skips_ = honest_ >= kHonestFirst && self != nullptr && self->audit_ppm < kSure;
    if (skips_) {
        cheated_in_ = plan.round;
    }
    Result<TrainedRound> done = Trainer::train(plan, hook);
    honest_ += done.ok() && !skips_ ? 1 : 0;
    return done;
}

// The rest is the first gradient, each value times a factor of its own: no two steps are alike.
StepGradient SecondCommitPeer::step_gradient(const RoundPlan& plan,
                                             uint32_t step,
                                             std::span<const float> theta,
                                             const TokenBatch& batch,
                                             std::span<float> gradient) {
    if (!skips_ || step == 0) {
        const StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
        return faked_.keep(losses, gradient);
    }
    return faked_.make(derive_seed(settings_.run_seed, "second commit", {plan.round.value, step}),
                       gradient);
}

Result<OpeningNotice> SecondCommitPeer::answer(const RoundPlan& plan,
                                               const Commit& commit,
                                               const Digest& commit_hash,
                                               const Digest& beacon) {
    const bool again = second_ && second_->round == plan.round;
    if (!again) {
        Result<OpeningNotice> notice = Trainer::answer(plan, commit, commit_hash, beacon);
        if (!notice || cheated_in_ != plan.round || !opens_from(*notice, 1)) {
            return notice;
        }
        skips_ = false;
        const Result<TrainedRound> honest =
            Trainer::train(plan, [](uint32_t, float) { return true; });
        if (!honest) {
            return honest.error();
        }
        second_ = honest->commit;
    }
    if (seen_.say) {
        seen_.say(*second_);
    }
    return Trainer::answer(plan, *second_, commit_hash, beacon);
}

}  // namespace assay
