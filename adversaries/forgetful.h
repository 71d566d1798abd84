// Starts each round from moments and error feedback of zeros, whatever the last one ended with. L1
// decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class ForgetfulPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
};

}  // namespace assay
