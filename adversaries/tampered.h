// Trains with an optimiser of its own, in which every step goes farther. L6 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class TamperedPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
};

}  // namespace assay
