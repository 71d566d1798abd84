// An opening on its way to us: in its round, or as the late answer to a challenge that is open. Of
// RoundMachine; lost with the process, and announced again by the peers.

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "rounds/round_events.h"

namespace assay {

struct OpeningProgress {
    OpeningNotice notice;
    std::set<Digest> missing;  // blobs not yet in our store
};

using DebtKey = std::pair<RoundId, PeerId>;

struct LateOpening {
    std::optional<OpeningProgress> progress;
    bool at_judge = false;
    uint32_t wrong = 0;           // answers that were none
    std::optional<Instant> told;  // when its peer was last told all that it needs for one
};

// All that is to be fetched for it.
std::vector<std::pair<BlobPurpose, BlobRef>> blobs_of(const OpeningNotice& notice);

}  // namespace assay
