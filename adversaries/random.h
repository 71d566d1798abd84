// Trains honestly, then sends a payload of random entries instead of its own. L6 decides.

#pragma once

#include "peer/peer_worker.h"

namespace assay {

class RandomPeer : public PeerWorker {
public:
    using PeerWorker::PeerWorker;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
