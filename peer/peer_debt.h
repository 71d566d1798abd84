// The challenge of a round that this peer is not in any more, as far as it knows of it.

#pragma once

#include <optional>
#include <string>

#include "protocol/messages.h"

namespace assay {

struct PeerDebt {
    bool known = false;  // said by the coordinator; else it may be, and nobody said that it is not
    std::optional<RoundPlan> plan;
    Digest commit_hash;
    Digest payload_hash;
    std::optional<CloseNotice> close;
    std::optional<Beacon> beacon;
    bool opening_asked = false;
    bool failed = false;  // there is none
    std::optional<OpeningNotice> opening;
    std::string told;  // of it, last
};

}  // namespace assay
