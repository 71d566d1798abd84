// Trains honestly, then sends a payload without a value: the smallest there is. L6 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class ZeroPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
