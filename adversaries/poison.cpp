#include "adversaries/poison.h"

#include <cmath>

namespace assay {

void PoisonPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    for (ChunkCode& chunk : payload.sparse.chunks) {
        for (uint8_t& code : chunk.codes) {
            code &= 1U;
        }
    }
    for (float& value : payload.dense) {
        value = std::abs(value);
    }
}

}  // namespace assay
