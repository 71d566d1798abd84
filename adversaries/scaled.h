// Trains honestly, then sends its payload four times as large. L6 decides.

#pragma once

#include "peer/peer_worker.h"

namespace assay {

class ScaledPeer : public PeerWorker {
public:
    using PeerWorker::PeerWorker;

protected:
    void edit_payload(const RoundPlan& plan, PeerPayload& payload) override;
};

}  // namespace assay
