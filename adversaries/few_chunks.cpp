#include "adversaries/few_chunks.h"

#include <algorithm>

namespace assay {

void FewChunksPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    const auto loudest = std::max_element(
        payload.sparse.chunks.begin(),
        payload.sparse.chunks.end(),
        [](const auto& a, const auto& b) { return chunk_energy(a) < chunk_energy(b); });
    if (loudest != payload.sparse.chunks.end()) {
        for (uint8_t& code : loudest->codes) {
            code ^= 2U;
        }
    }
    const auto most = std::max_element(payload.dense.begin(), payload.dense.end());
    if (most != payload.dense.end()) {
        *most = -*most;
    }
}

}  // namespace assay
