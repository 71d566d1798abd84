// Hands in a colluder's whole chain and payload as its own: L2 finds the pair, its opening decides.
//
// The colluder's work is had out of band: what it trains on is a function of the plan, so the same
// chain is made here. That is as much as the colluder could send.

#pragma once

#include "peer/trainer.h"

namespace assay {

// Whom a copycat copies from: the first of the plan but itself; null if nobody else is there.
const PlanPeer* copied_peer(const RoundPlan& plan, const PeerId& self);

class CopycatPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
};

}  // namespace assay
