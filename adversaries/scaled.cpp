#include "adversaries/scaled.h"

#include "core/check.h"

namespace assay {

namespace {

constexpr float kFactor = 4.0F;

// A chunk whose scale would leave the format stays as it is: the bytes must be canonical.
void enlarge(ChunkCode& chunk) {
    const float high = magnitude_from_scale(chunk.high_scale) * kFactor;
    if (scale_from_magnitude(high) < kScaleMax) {
        chunk.high_scale = scale_from_magnitude(high);
        chunk.low_scale = scale_from_magnitude(magnitude_from_scale(chunk.low_scale) * kFactor);
        ASSAY_CHECK(chunk.high_scale == 0 || chunk.low_scale < chunk.high_scale);
    }
}

}  // namespace

void ScaledPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    for (ChunkCode& chunk : payload.sparse.chunks) {
        enlarge(chunk);
    }
    for (float& value : payload.dense) {
        value *= kFactor;
    }
}

}  // namespace assay
