// L6: does the payload follow from the committed gradients? Recomputed bit for bit, in every class.
//
// For each opened chunk the compressor: theta_start - theta_H, error feedback, selection, codes,
// scales, e after. For the chunks of the chain AdamW over all H steps as well: theta_t, m_H, v_H
// and theta_H follow from m_0, v_0 and the committed g_t. Where g_t comes from is
// verify/gradient_audit.h's question. Pure; feeds the tripwire on the way.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kernels/adamw.h"
#include "protocol/layout.h"
#include "protocol/messages.h"
#include "verify/opening.h"
#include "verify/peer_payload.h"
#include "verify/tripwire.h"

namespace assay {

// Refers to its arguments. The opening has been inspected (verify/inspect.h): its leaves are the
// committed ones, so its roots can be relied on here.
struct ChunkAuditJob {
    const RoundPlan& plan;
    const PlanPeer& peer;
    const ParameterLayout& layout;
    const AdamSettings& adam;
    const PayloadFormat& format;
    std::span<const float> base;  // theta_r, the verifier's own
    const PeerPayload& payload;
    const Commit& commit;
    const Opening& opening;
};

struct ChunkAuditReport {
    bool pass = false;
    std::string reason;  // names chunk, step and what differs; "" if it passes
    uint64_t chunks_checked = 0;
    uint64_t chains_checked = 0;
    TripwireReport tripwire;  // of the chains that pass
};

// limits: of the tripwire. REQUIRES: base and payload have the layout's size; the opening was
// decoded with the shape of this plan and peer.
ChunkAuditReport audit_chunks(const ChunkAuditJob& job, const TripwireFigures& limits);

}  // namespace assay
