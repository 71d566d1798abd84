// Commits and submits, and never opens. The refusal decides.

#pragma once

#include "peer/peer_worker.h"

namespace assay {

class SilentPeer : public PeerWorker {
public:
    using PeerWorker::PeerWorker;
    Result<OpeningNotice> open(const RoundPlan& plan,
                               const Commit& commit,
                               const Digest& commit_hash,
                               const Digest& beacon) override;
};

}  // namespace assay
