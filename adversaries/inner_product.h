// Sends a tenth of the mean, turned round: the sum still looks like one of honest updates, its
// inner product with the true direction is smaller. Its own honest update stands for the mean. L6
// decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class InnerProductPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
