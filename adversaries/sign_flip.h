// Trains honestly, then turns every sign of its payload round. L6 decides.

#pragma once

#include "peer/peer_worker.h"

namespace assay {

class SignFlipPeer : public PeerWorker {
public:
    using PeerWorker::PeerWorker;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
