// Trains honestly, then moves every entry of its payload one way: a direction of its own choice,
// spread over all parameters. L6 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class PoisonPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
