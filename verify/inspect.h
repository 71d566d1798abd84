// L0/L1: does what a peer sent have the form that the plan demands?
//
// Pure comparisons of a COMMIT with its plan, of a payload with its COMMIT, of an opening with
// both. The envelope's signature was checked when it was opened (protocol/codec.h). A refusal names
// the field, what was expected and what came.

#pragma once

#include <cstdint>
#include <span>

#include "data/assignment.h"
#include "protocol/layout.h"
#include "protocol/messages.h"
#include "verify/opening.h"
#include "verify/peer_payload.h"

namespace assay {

// What the coordinator knows before a COMMIT comes. Refers to its arguments.
struct CommitExpectation {
    const RoundPlan& plan;
    Digest plan_digest;
    const PlanPeer& peer;
    Digest assignment_digest;
    uint64_t payload_bytes_max = 0;
};

// Manifest, round, plan, ledger head, base, assignment, class, e before, sizes, counted tokens.
Status inspect_commit(const Commit& commit, const CommitExpectation& expected);

// Hash and size are the committed ones, the bytes canonical, every number finite. Null threads: the
// caller alone.
Result<PeerPayload> inspect_payload(ByteSpan payload,
                                    const Commit& commit,
                                    const ParameterLayout& layout,
                                    const PayloadFormat& format,
                                    ThreadPool* threads = nullptr);

// The opened leaves give the committed roots. What does not is no answer to the challenge, whatever
// it says. REQUIRES: opening was decoded with the shape of this plan and peer.
Status inspect_binding(const PeerId& peer, const Opening& opening, const Commit& commit);

// theta_0, m_0 and v_0 are the plan's; each step's
// batch is the assigned one; every number of the trace is finite. The chunks are chunk_audit.h's
// business. REQUIRES: inspect_binding() passed it.
Status inspect_opening(const Opening& opening,
                       const RoundPlan& plan,
                       const PlanPeer& peer,
                       const PeerAssignment& assignment);

}  // namespace assay
