// What an attacker has beside what a trainer needs: ways to see more, and to do otherwise than its
// program does. Each may be empty; a peer among real processes has none.

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "protocol/messages.h"

namespace assay {

// What a run waits for, as its manifest tells everybody.
struct Patience {
    DurationMs grace;                   // behind a quorum
    DurationMs opening;                 // of a whole opening with its states, at most
    uint64_t slowest_bytes_second = 0;  // a blob that comes no slower is waited for
};

struct AdversaryPorts {
    // Tokens of samples of the text by which the run is measured: (count, T + 1).
    std::function<Result<std::vector<int32_t>>(std::span<const uint64_t> samples)> read_held_out;
    // What its key would lose now, in rewards of a round: unvested and deposit, as the books say.
    std::function<double()> at_stake;

    Patience patience;
    // Says this in its own name, beside what its program says.
    std::function<void(const Message&)> say;
    // Does this so much later, if its process still lives.
    std::function<void(DurationMs, std::function<void()>)> after;
    // What it makes from now on, a COMMIT or an opening, is said so much later.
    std::function<void(DurationMs)> come_late;
    // Its blobs go out at this pace from now on.
    std::function<void(uint64_t bytes_second)> send_at;
    // Drops its connection and dials again.
    std::function<void()> hang_up;
    // Its machine works for so many keys, at a part of its speed for each.
    std::function<void(uint32_t keys)> share_machine;
};

}  // namespace assay
