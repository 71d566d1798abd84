#include "adversaries/inner_product.h"

#include "core/check.h"

namespace assay {

namespace {

constexpr float kPart = 0.1F;

// A chunk whose scales would fall together stays as large as it is: the bytes must be canonical.
void shrink(ChunkCode& chunk) {
    const uint16_t high = scale_from_magnitude(magnitude_from_scale(chunk.high_scale) * kPart);
    const uint16_t low = scale_from_magnitude(magnitude_from_scale(chunk.low_scale) * kPart);
    if (low < high && (low == 0) == (chunk.low_scale == 0)) {
        chunk.high_scale = high;
        chunk.low_scale = low;
    }
    ASSAY_CHECK(chunk.codes.empty() || chunk.low_scale < chunk.high_scale);
}

}  // namespace

void InnerProductPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    for (ChunkCode& chunk : payload.sparse.chunks) {
        for (uint8_t& code : chunk.codes) {
            code ^= 2U;
        }
        shrink(chunk);
    }
    for (float& value : payload.dense) {
        value *= -kPart;
    }
}

}  // namespace assay
