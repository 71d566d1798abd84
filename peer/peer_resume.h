// What a peer knows at its start: from its folder, or nothing.

#pragma once

#include <optional>

#include "core/digest.h"
#include "core/ids.h"
#include "protocol/messages.h"

namespace assay {

struct PeerResume {
    Digest theta_root;                      // zero: has no theta
    std::optional<RunManifest> manifest;    // of the run that the folder belongs to
    std::optional<Envelope> head = {};      // KeepHead's
    std::optional<Envelope> beacon = {};    // likewise, of a beacon
    std::optional<RoundId> undecided = {};  // the newest round whose triple is in the folder
    uint64_t entry_nonce = 0;               // paid before; 0: not known
};

}  // namespace assay
