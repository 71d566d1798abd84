// Sees what a peer may see and chooses by it in every round: before COMMIT how many steps to skip,
// from its audit rate and what it has to lose; after the beacon, where the draw would convict it,
// between silence, garbage, a true answer and leaving for good. Price alone decides:
// docs/verification.md.
//
// It takes its work for dearer than the run file declares it, or honest work would always be best.

#pragma once

#include "adversaries/faked_gradient.h"
#include "adversaries/seeing_trainer.h"

namespace assay {

class AdaptivePeer : public SeeingTrainer {
public:
    using SeeingTrainer::SeeingTrainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;

protected:
    StepGradient step_gradient(const RoundPlan& plan,
                               uint32_t step,
                               std::span<const float> theta,
                               const TokenBatch& batch,
                               std::span<float> gradient) override;

private:
    [[nodiscard]] uint32_t best_skip(const RoundPlan& plan, const PlanPeer& self) const;

    uint32_t rounds_ = 0;         // that it trained: what it has to lose, where nothing else tells
    RoundId cheated_in_;          // the last round of which steps are false
    uint32_t first_skipped_ = 0;  // of that round
    bool gone_ = false;
    FakedGradient faked_;
};

}  // namespace assay
