// Two honest rounds; then one true step of all wherever p < 1. Where the draw would convict it, it
// trains the round as it should have, says a second COMMIT to it and opens that one. That one
// COMMIT a round is bound before the beacon decides.

#pragma once

#include <optional>

#include "adversaries/faked_gradient.h"
#include "adversaries/seeing_trainer.h"

namespace assay {

class SecondCommitPeer : public SeeingTrainer {
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
    uint32_t honest_ = 0;                // rounds trained as they should be
    std::optional<RoundId> cheated_in_;  // the last round that was not
    bool skips_ = false;                 // in what it trains now
    std::optional<Commit> second_;       // of the round in which it was drawn
    FakedGradient faked_;
};

}  // namespace assay
