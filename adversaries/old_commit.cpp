#include "adversaries/old_commit.h"

#include "core/check.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint32_t kWorksFor = 2;  // rounds

}  // namespace

Result<TrainedRound> OldCommitPeer::train(const RoundPlan& plan, const StepHook& hook) {
    if (honest_ < kWorksFor) {
        Result<TrainedRound> done = Trainer::train(plan, hook);
        if (done) {
            ++honest_;
            last_ = *done;
        }
        return done;
    }
    if (seen_.say) {
        say_old(plan);
    }
    return fail(in_words(plan.round) + " is not worked on");
}

void OldCommitPeer::say_old(const RoundPlan& plan) const {
    ASSAY_CHECK(last_.has_value());
    Commit commit = last_->commit;
    seen_.say(commit);
    commit.round = plan.round;
    seen_.say(commit);
    commit.manifest_digest = commit.plan_digest;
    seen_.say(commit);
    PayloadNotice payload;
    payload.round = plan.round;
    payload.payload = last_->payload;
    seen_.say(payload);
    if (opened_) {
        OpeningNotice opening = *opened_;
        seen_.say(opening);
        opening.round = plan.round;
        seen_.say(opening);
    }
}

Result<OpeningNotice> OldCommitPeer::answer(const RoundPlan& plan,
                                            const Commit& commit,
                                            const Digest& commit_hash,
                                            const Digest& beacon) {
    Result<OpeningNotice> notice = Trainer::answer(plan, commit, commit_hash, beacon);
    if (notice) {
        opened_ = *notice;
    }
    return notice;
}

}  // namespace assay
