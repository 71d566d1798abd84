// Makes the plan of a round out of what was frozen and what is known. Pure.
//
// Also the two numbers that follow from a plan alone: a peer's weight, and which steps of a peer
// are audited once the beacon is known.

#pragma once

#include <cstdint>
#include <vector>

#include "coordinator/deadlines.h"
#include "coordinator/round_rules.h"
#include "protocol/messages.h"

namespace assay {

struct PlanInputs {
    RoundId round;
    Digest manifest_digest;
    Digest ledger_head;
    Digest previous_beacon;
    Digest base_root;
    Digest accumulator_root;
    BlobRef theta;
    std::vector<SampleRange> pool;
    uint64_t stream_position = 0;
    std::vector<PlanPeer> peers;  // in order of id
    std::vector<PeerPace> paces;  // one a peer; tokens are filled in here
    Instant opened_at;
    uint32_t doublings = 0;  // of the deadlines
};

RoundPlan make_plan(const RoundRules& rules, PlanInputs inputs);

// The peer's line; null if it is not in the roster.
const PlanPeer* find_peer(const RoundPlan& plan, const PeerId& id);

// H * B_i * T.
uint64_t assigned_tokens(const RoundPlan& plan, const PlanPeer& peer);

// min(1, (tenure + 1) / 10) times tokens / largest tokens of the roster; in (0, 1].
double plan_weight(const RoundPlan& plan, const PlanPeer& peer);

// Bytes of the largest opening with states that this plan may ask of a peer.
uint64_t opened_bytes_max(const RoundRules& rules, const RoundPlan& plan);

// Bytes of all parameters, fp32.
uint64_t theta_bytes(const RoundRules& rules);

}  // namespace assay
