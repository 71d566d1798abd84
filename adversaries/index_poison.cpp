#include "adversaries/index_poison.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"

namespace assay {

void IndexPoisonPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    for (ChunkCode& chunk : payload.sparse.chunks) {
        std::iota(chunk.indices.begin(), chunk.indices.end(), uint16_t{0});
        ASSAY_CHECK_EQ(chunk.codes.size(), chunk.indices.size());
    }
    const size_t first = payload.dense.size() / 16;
    std::fill(
        payload.dense.begin() + static_cast<std::ptrdiff_t>(first), payload.dense.end(), 0.0F);
}

}  // namespace assay
