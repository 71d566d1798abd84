#include "adversaries/zero.h"

#include <algorithm>

namespace assay {

void ZeroPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    for (ChunkCode& chunk : payload.sparse.chunks) {
        chunk = {};
    }
    std::fill(payload.dense.begin(), payload.dense.end(), 0.0F);
}

}  // namespace assay
