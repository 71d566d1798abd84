// What the judge must know of rounds before this one, read out of the ledger's fold: after a
// restart it knows the same as if it had never died. Pure; the blobs it names are kept for it
// (coordinator/retention.h).

#pragma once

#include <vector>

#include "coordinator/run_state.h"
#include "verify/settings.h"

namespace assay {

// A payload of a closed round, among which copies are looked for.
struct OldPayload {
    RoundId round;
    PeerId peer;
    BlobRef blob;
};

// An audit without a verdict, with all that leads to what its step's trace said.
struct OpenAudit {
    AuditJob job;
    const RoundPlan* plan = nullptr;  // into the RunState
    Digest beacon;
    Digest commit_hash;
    BlobRef payload;
    BlobRef opening;
};

struct Recollection {
    std::vector<OldPayload> payloads;  // the oldest round first
    std::vector<OpenAudit> audits;
};

// The state must outlive what is returned.
Recollection recollect(const RunState& state, const VerifySettings& settings);

}  // namespace assay
