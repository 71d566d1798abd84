// Takes a place in each round and never commits. It earns nothing, and others wait their grace for
// it.

#pragma once

#include "peer/trainer.h"

namespace assay {

class SquatterPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
};

}  // namespace assay
