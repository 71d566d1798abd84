// What RoundJudge knows of one submission while it judges a round. For round_judge*.cpp alone.

#pragma once

#include "verify/judge.h"
#include "verify/round_judge.h"

namespace assay {

struct RoundJudge::Dossier {
    const Submission* submission = nullptr;
    Evidence evidence;
    std::optional<PeerPayload> payload;
    PayloadEntries entries;
    std::optional<Opening> opening;
    std::vector<AuditJob> jobs;  // of the steps that were opened
    Verdict verdict;
    int64_t pay_share_nano = 0;
    bool entered = false;
    BlobRef base_tiles;  // where the challenge stays open

    [[nodiscard]] const PeerId& peer() const { return submission->expected.id; }
};

}  // namespace assay
