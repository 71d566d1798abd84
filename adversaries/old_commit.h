// Two honest rounds; then no work. What it says instead is old or of elsewhere: its COMMIT of
// before, the same under the number of this round, one to another run, the notices of its payload
// and of its opening of before. That each names its run, its round and its plan decides.

#pragma once

#include <optional>

#include "adversaries/seeing_trainer.h"

namespace assay {

class OldCommitPeer : public SeeingTrainer {
public:
    using SeeingTrainer::SeeingTrainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;

private:
    void say_old(const RoundPlan& plan) const;

    uint32_t honest_ = 0;  // rounds trained
    std::optional<TrainedRound> last_;
    std::optional<OpeningNotice> opened_;
};

}  // namespace assay
