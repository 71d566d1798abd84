// Two honest rounds; then it commits only where it may escape an audit, with one true step of all
// the others, and answers a draw that would convict it with bytes that are no opening. The rule
// that such an answer is none decides: docs/verification.md.

#pragma once

#include <optional>

#include "adversaries/faked_gradient.h"
#include "peer/trainer.h"

namespace assay {

class ParasitePeer : public Trainer {
public:
    using Trainer::Trainer;
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
    [[nodiscard]] bool cheats() const { return honest_ >= 2; }

    uint32_t honest_ = 0;                // rounds trained as they should be
    std::optional<RoundId> cheated_in_;  // the last round that was not
    FakedGradient faked_;
};

}  // namespace assay
