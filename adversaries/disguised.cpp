#include "adversaries/disguised.h"

#include <utility>

#include "core/check.h"

namespace assay {

namespace {

// To the next place, where nothing else stands and the chunk has one.
void move_thirds(ChunkCode& chunk, uint64_t live) {
    for (size_t i = 0; i < chunk.indices.size(); i += 3) {
        const size_t next = size_t{chunk.indices[i]} + 1;
        const size_t bound = i + 1 < chunk.indices.size() ? chunk.indices[i + 1] : live;
        if (next < bound) {
            chunk.indices[i] = static_cast<uint16_t>(next);
        }
    }
}

}  // namespace

void DisguisedPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    const ParameterLayout& layout = model_.layout();
    ASSAY_CHECK(payload.sparse.chunks.size() <= layout.tile_count());
    for (size_t tile = 0; tile < payload.sparse.chunks.size(); ++tile) {
        move_thirds(payload.sparse.chunks[tile], layout.live_in_tile(tile));
    }
    for (size_t i = 0; i + 1 < payload.dense.size(); i += 3) {
        std::swap(payload.dense[i], payload.dense[i + 1]);
    }
}

}  // namespace assay
