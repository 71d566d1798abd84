// Who trains on which samples in a round: a pure function that every node can recompute.
//
// Positions of an endless stream name the work: position p is sample perm_e(p mod N) of epoch
// e = p / N, the permutation keyed by (run seed, epoch). A round takes its positions from the
// plan's pool of returned ranges, first in first out, then from the stream, and deals them as
// contiguous ranges in an order keyed by (run seed, round, previous beacon, roster root, pool
// root). About 2 % of each peer's slots are copies of another peer's samples instead: they show
// what overlap of payloads is honest. Nothing here reads tokens, keeps state or knows why a peer
// dropped.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/digest.h"
#include "core/ids.h"
#include "protocol/messages.h"

namespace assay {

// Parts in a hundred of a peer's slots that repeat another peer's sample.
constexpr uint64_t kOverlapPercent = 2;

struct PeerAssignment {
    PeerId peer;
    std::vector<SampleRange> ranges;  // positions that are this peer's alone, in order of service
    std::vector<uint64_t> samples;    // H * B_i sample indices, step-major

    // The samples of one inner step. REQUIRES: step < inner_steps, and samples were dealt for it.
    [[nodiscard]] std::span<const uint64_t> step(uint32_t step, uint32_t inner_steps) const;
};

struct Assignment {
    std::vector<PeerAssignment> peers;  // in order of id
    uint64_t stream_position_after = 0;
    std::vector<SampleRange> pool_after;  // what the round left in the pool

    // Null if the peer is not in the roster.
    [[nodiscard]] const PeerAssignment* find(const PeerId& peer) const;
};

// The deal of a round. Does not depend on the order of plan.peers.
// REQUIRES: 0 < sample_count < 2^62.
Assignment assign(const Digest& run_seed, const RoundPlan& plan, uint64_t sample_count);

// What goes back to the pool when this peer's work does not count; empty if it had none.
std::vector<SampleRange> ranges_to_return(const Assignment& assignment, const PeerId& peer);

// The pool of the next round: what was left, then the returned ranges in order of position,
// neighbours joined, so that it stays short however often rounds fail.
std::vector<SampleRange> pool_with_returns(std::vector<SampleRange> pool_after,
                                           std::vector<SampleRange> returned);

// Positions in all ranges together.
uint64_t position_count(std::span<const SampleRange> ranges);

// H("assignment" | peer | ranges | samples): named in a peer's COMMIT.
Digest assignment_digest(const PeerAssignment& assignment);

}  // namespace assay
