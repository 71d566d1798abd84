// Links of simulated peers, as the coordinator sees them: where blobs are, and how fast they come.

#pragma once

#include <cstdint>
#include <functional>

#include "core/clock.h"
#include "core/ids.h"
#include "store/memory_blob_store.h"

namespace assay {

// Where the coordinator finds a peer's blobs, and how fast it may have them.
struct PeerLink {
    const MemoryBlobStore* store = nullptr;  // null: that peer is not running
    uint64_t bytes_second = 0;               // 0: in a time that is drawn
};
using PeerLinks = std::function<PeerLink(const PeerId& peer)>;

// A link of a certain pace: it carries something since, until.
struct SlowLink {
    Instant since;
    Instant until;
    uint64_t bytes = 0;
};

}  // namespace assay
