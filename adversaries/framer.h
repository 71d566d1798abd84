// Commits another peer's chain and payload with an e of before the round that is not the plan's: L1
// refuses it for its form, and what it committed must say nothing against the other.
//
// The other's chain is followed from its first round on: it is a function of the plan.

#pragma once

#include <optional>

#include "peer/trainer.h"

namespace assay {

class FramerPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;

private:
    std::optional<NextTriple> followed_;  // the other's, behind the last round that was followed
};

}  // namespace assay
