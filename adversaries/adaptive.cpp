#include "adversaries/adaptive.h"

#include "core/check.h"
#include "core/rng.h"
#include "protocol/plan.h"
#include "verify/survival.h"

namespace assay {

namespace {

constexpr double kOwnCost = 2;  // of an honest round, in its reward; a run file declares 1
constexpr double kPpm = 1e6;

enum class Answer : uint8_t { kSilence, kGarbage, kTruth, kLeave };

// By what there is to lose: with little of it, or by turns.
Answer answer_for(double at_stake, RoundId round) {
    return at_stake <= 1 ? Answer::kLeave : static_cast<Answer>(round.value % 3);
}

}  // namespace

// The number of last steps to skip that promises most; none if honest work does.
uint32_t AdaptivePeer::best_skip(const RoundPlan& plan, const PlanPeer& self) const {
    if (self.audit_ppm >= kPpm) {  // it must be trusted first
        return 0;
    }
    const double at_stake = seen_.at_stake ? seen_.at_stake() : rounds_;
    const auto drawn = static_cast<uint32_t>(settings_.verify.audit_steps);
    uint32_t best = 0;
    double most = 0;
    for (uint32_t skipped = 1; skipped < plan.inner_steps; ++skipped) {
        const double convicted =
            self.audit_ppm / kPpm * (1 - lazy_survival(plan.inner_steps, skipped, drawn, 1));
        const double value = kOwnCost * skipped / plan.inner_steps - convicted * (1 + at_stake);
        if (value > most) {
            most = value;
            best = skipped;
        }
    }
    return best;
}

Result<TrainedRound> AdaptivePeer::train(const RoundPlan& plan, const StepHook& hook) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    if (gone_ || self == nullptr) {
        return fail("has left the run");
    }
    first_skipped_ = plan.inner_steps - best_skip(plan, *self);
    ASSAY_CHECK(first_skipped_ > 0);
    cheated_in_ = plan.round;
    Result<TrainedRound> done = Trainer::train(plan, hook);
    rounds_ += done.ok() ? 1 : 0;
    return done;
}

// What it skips is the last true gradient, each value times a factor of its own.
StepGradient AdaptivePeer::step_gradient(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const float> theta,
                                         const TokenBatch& batch,
                                         std::span<float> gradient) {
    if (step < first_skipped_) {
        const StepGradient losses = Trainer::step_gradient(plan, step, theta, batch, gradient);
        return faked_.keep(losses, gradient);
    }
    return faked_.make(derive_seed(settings_.run_seed, "adaptive", {plan.round.value, step}),
                       gradient);
}

Result<OpeningNotice> AdaptivePeer::answer(const RoundPlan& plan,
                                           const Commit& commit,
                                           const Digest& commit_hash,
                                           const Digest& beacon) {
    Result<OpeningNotice> notice = Trainer::answer(plan, commit, commit_hash, beacon);
    const bool convicts =
        notice.ok() && plan.round == cheated_in_ && opens_from(*notice, first_skipped_);
    if (!convicts) {
        return notice;
    }
    const double at_stake = seen_.at_stake ? seen_.at_stake() : rounds_;
    switch (answer_for(at_stake, plan.round)) {
        case Answer::kTruth:
            return notice;
        case Answer::kGarbage: {
            Result<BlobRef> garbage = ports_.put(Bytes(notice->opening.size_bytes, 0xA5));
            if (!garbage) {
                return garbage.error();
            }
            notice->opening = *garbage;
            return notice;
        }
        case Answer::kLeave:
            gone_ = true;
            return fail("leaves");
        case Answer::kSilence:
            break;
    }
    return fail("says nothing");
}

}  // namespace assay
