// What the judge must know of rounds before the one that it judges. Plain values.

#pragma once

#include <vector>

#include "core/digest.h"
#include "core/ids.h"
#include "protocol/messages.h"

namespace assay {

// A payload of a closed round, among which copies are looked for.
struct OldPayload {
    RoundId round;
    PeerId peer;
    BlobRef blob;
};

// An audit without a verdict, with all that leads to what its step's trace said.
struct PendingAudit {
    AuditJob job;
    const RoundPlan* plan = nullptr;  // outlives the Recollection
    Digest beacon;
    Digest commit_hash;
    BlobRef payload;
    BlobRef opening;
};

// Whether the payload of a peer with this verdict of the gates is one of those.
inline bool is_payload_kept(const Verdict& verdict) {
    const bool unseen = verdict.ruling == Ruling::kGated && verdict.layer == Layer::kForm;
    return verdict.ruling != Ruling::kRejected && !unseen;
}

struct Recollection {
    std::vector<OldPayload> payloads;  // the oldest round first
    std::vector<PendingAudit> audits;
};

}  // namespace assay
