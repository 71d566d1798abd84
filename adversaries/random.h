// Trains honestly, then sends a payload of random entries instead of its own. L6 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class RandomPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
