// Trains honestly, then turns every sign of its payload round. L6 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class SignFlipPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
