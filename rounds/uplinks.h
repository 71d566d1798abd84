// How fast each peer sends, as seen from here: a moving average over the times in which blobs were
// on their way. Pure: time and bytes in.
//
// Plans and deadlines follow from it (rounds/deadlines.h). Not durable: a restarted
// coordinator assumes the default and measures again, and whoever is seen to send is waited for.
// Owned by RoundMachine.

#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "core/clock.h"
#include "core/ids.h"

namespace assay {

// Since a payload, or an opening, was asked of a peer for the first time in a round.
struct Asked {
    Instant since;
    Instant heard;       // when something came last; `since` if nothing has
    uint64_t bytes = 0;  // that came
};

class Uplinks {
public:
    // A blob is asked of this peer: from now on silence means something. Asked again, it has no
    // more time.
    void ask(const PeerId& peer, Instant now);
    // All payloads, or all openings, of a round are done with.
    void forget_asked();
    // All that came from this peer in `busy`, the time since a blob of its was on the way without a
    // pause. Said again with larger figures as more comes. `assumed`: its rate if not measured yet.
    void moved(const PeerId& peer, uint64_t bytes, DurationMs busy, uint64_t assumed, Instant now);
    // Nobody could be heard for so long.
    void stood_still(DurationMs time);

    // Bytes a second; 0 if never measured.
    [[nodiscard]] uint64_t rate(const PeerId& peer) const;
    [[nodiscard]] Asked asked(const PeerId& peer) const;

private:
    struct Uplink {
        std::optional<Asked> asked;
        uint64_t before = 0;  // average of the busy times that ended; 0: none
        uint64_t now = 0;     // with the running one
        uint64_t bytes = 0;   // of the running one
        DurationMs busy;
    };
    std::map<PeerId, Uplink> uplinks_;
};

}  // namespace assay
