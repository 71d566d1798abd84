#include "adversaries/sign_flip.h"

namespace assay {

void SignFlipPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    for (ChunkCode& chunk : payload.sparse.chunks) {
        for (uint8_t& code : chunk.codes) {
            code ^= 2U;
        }
    }
    for (float& value : payload.dense) {
        value = value == 0 ? 0 : -value;
    }
}

}  // namespace assay
