// Makes the plan of a round out of what was frozen and what is known. Pure.
//
// Also how many bytes an opening and theta have at most. What follows from a plan alone is in
// protocol/plan.h, how long a peer's uplink takes in rounds/deadlines.h.

#pragma once

#include <cstdint>
#include <vector>

#include "protocol/messages.h"
#include "protocol/plan.h"
#include "rounds/deadlines.h"
#include "rounds/round_rules.h"

namespace assay {

struct PlanInputs {
    RoundId round;
    Digest manifest_digest;
    Digest ledger_head;
    uint64_t ledger_height = 0;
    Digest previous_beacon;
    Digest base_root;
    Digest accumulator_root;
    BlobRef theta;
    std::vector<SampleRange> pool;
    uint64_t stream_position = 0;
    std::vector<PlanPeer> peers;  // in order of id
    std::vector<PeerPace> paces;  // one a peer; make_plan fills in the tokens
    Instant opened_at;
    uint32_t doublings = 0;  // of the deadlines
};

// REQUIRES: one pace a peer, in the same order.
RoundPlan make_plan(const RoundRules& rules, PlanInputs inputs);

// Bytes of the largest opening with states that this plan may ask of a peer.
uint64_t opened_bytes_max(const RoundRules& rules, const RoundPlan& plan);

// How long peers can hold a round of this plan at most, whatever they do and however many they are:
// COMMITs until D1, and a payload and an opening at the least pace that is waited for.
DurationMs longest_round(const RoundRules& rules, const RoundPlan& plan);

// How long the round has gathered COMMITs, from its opening to D1 at most: behind a restart `now`
// may lie anywhere.
DurationMs gathered_by(const RoundPlan& plan, Instant now);

// Bytes of all parameters, fp32.
uint64_t theta_bytes(const RoundRules& rules);

}  // namespace assay
