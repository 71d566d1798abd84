#include "adversaries/random.h"

#include "core/check.h"
#include "core/rng.h"

namespace assay {

namespace {

// Other places and signs, the same scales and number of entries.
void randomise(ChunkCode& chunk, uint64_t live, CounterRng& rng) {
    ASSAY_CHECK_EQ(chunk.codes.size(), chunk.indices.size());
    const std::vector<uint64_t> places = rng.distinct(chunk.indices.size(), live);
    for (size_t i = 0; i < places.size(); ++i) {
        chunk.indices[i] = static_cast<uint16_t>(places[i]);
        const auto sign = static_cast<uint8_t>(rng.below(2) << 1);
        chunk.codes[i] = static_cast<uint8_t>((chunk.codes[i] & 1U) | sign);
    }
}

}  // namespace

void RandomPeer::edit_payload(const RoundPlan& plan, PeerPayload& payload) {
    CounterRng rng(derive_seed(settings_.run_seed, "random peer", {plan.round.value}));
    const ParameterLayout& layout = model_.layout();
    for (size_t tile = 0; tile < payload.sparse.chunks.size(); ++tile) {
        randomise(payload.sparse.chunks[tile], layout.live_in_tile(tile), rng);
    }
    for (float& value : payload.dense) {
        value = rng.below(2) == 0 ? value : -value;
    }
}

}  // namespace assay
