// Commits to an honest round and never hands its payload in: its COMMIT was for nothing, and nobody
// else's is.

#pragma once

#include "peer/trainer.h"

namespace assay {

class WithholdPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
};

}  // namespace assay
