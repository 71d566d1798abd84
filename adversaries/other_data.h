// Trains on samples of its own choice and names the assigned ones in its trace. L5 decides.

#pragma once

#include "peer/peer_worker.h"

namespace assay {

class OtherDataPeer : public PeerWorker {
public:
    using PeerWorker::PeerWorker;

protected:
    std::vector<uint64_t> choose_samples(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const uint64_t> assigned) override;
};

}  // namespace assay
