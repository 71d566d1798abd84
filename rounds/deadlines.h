// When a round stops waiting, from measured speed, payload size and bandwidth. Pure arithmetic.
//
// Knows no peer by name and no clock. Times are milliseconds; every result lies within the rules'
// floor and ceiling, whatever a peer claims about itself.

#pragma once

#include <cstdint>
#include <span>

#include "core/clock.h"
#include "rounds/round_rules.h"

namespace assay {

// What one peer has to do in a round, and how fast it was when last measured (0: unknown).
struct PeerPace {
    uint64_t tokens = 0;
    uint64_t tokens_per_second = 0;
    uint64_t uplink_bytes_per_second = 0;
};

struct RoundDeadlines {
    Instant commit;      // D1
    Instant payload;     // D2
    DurationMs opening;  // T_c, from the reveal on
};

// D1: the slowest peer's training and fetching theta, with slack, and the grace window; of peers
// with figures four times the median's time at most, or the default's if that is more. All three
// are doubled so often, up to their ceilings: figures of a faster day must not void rounds for
// ever.
RoundDeadlines round_deadlines(const DeadlineRules& rules,
                               Instant opened_at,
                               std::span<const PeerPace> peers,
                               uint64_t payload_bytes,
                               uint64_t opening_bytes,
                               uint32_t doublings = 0);

// How long a transfer of so much is waited for at most: at the least uplink, and as planned if that
// is more. Only for a peer that is sending.
DurationMs longest_transfer(const DeadlineRules& rules, uint64_t bytes, DurationMs planned);

// How long a peer of this rate (0: unknown) that was asked for a blob may send nothing: one piece's
// time and the grace.
DurationMs longest_silence(const DeadlineRules& rules, uint64_t uplink_bytes_per_second);

// How long a peer that was asked for a blob may take for its first `bytes` and one piece more: what
// the least link needs, and the grace.
DurationMs slowest_progress(const DeadlineRules& rules, uint64_t bytes);

// What the rest gets once a quorum is in, `elapsed` after the phase began.
DurationMs grace_after(const DeadlineRules& rules, DurationMs elapsed);

// How many of `roster` peers make a quorum, after which the others get only their grace; at
// least 1.
//
// The percentage rounded up is all of two or three, and would let one laggard hold a round to its
// deadline; so of two peers or more, all but one are enough. That loses nothing: the aggregate
// needs no majority (each submission is checked for itself), and a sole peer holds up nobody else.
// 100 asks for everybody, in a roster of any size.
uint32_t quorum_of(uint32_t roster, uint32_t quorum_percent);

}  // namespace assay
