// Trains honestly, then sends its payload four times as large. L6 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class ScaledPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
