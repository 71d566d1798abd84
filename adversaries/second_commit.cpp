#include "adversaries/second_commit.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/rng.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint32_t kSure = 1'000'000;  // ppm
constexpr uint32_t kHonestFirst = 2;

bool opens_behind_first(const OpeningNotice& notice) {
    return std::any_of(notice.steps.begin(), notice.steps.end(), [](const StepStates& opened) {
        return opened.step > 0;
    });
}

}  // namespace

SecondCommitPeer::SecondCommitPeer(TrainerSettings settings,
                                   TrainerPorts ports,
                                   GradientModel& model,
                                   const AdversaryPorts& seen)
    : Trainer(std::move(settings), std::move(ports), model), seen_(seen) {}

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
        true_losses_ = Trainer::step_gradient(plan, step, theta, batch, gradient);
        true_.assign(gradient.begin(), gradient.end());
        return true_losses_;
    }
    ASSAY_CHECK_EQ(true_.size(), gradient.size());
    CounterRng rng(derive_seed(settings_.run_seed, "second commit", {plan.round.value, step}));
    std::transform(true_.begin(), true_.end(), gradient.begin(), [&rng](float g) {
        return g * static_cast<float>(0.2 + 1.6 * rng.unit());
    });
    return true_losses_;
}

Result<OpeningNotice> SecondCommitPeer::answer(const RoundPlan& plan,
                                               const Commit& commit,
                                               const Digest& commit_hash,
                                               const Digest& beacon) {
    const bool again = second_ && second_->round == plan.round;
    if (!again) {
        Result<OpeningNotice> notice = Trainer::answer(plan, commit, commit_hash, beacon);
        if (!notice || cheated_in_ != plan.round || !opens_behind_first(*notice)) {
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
