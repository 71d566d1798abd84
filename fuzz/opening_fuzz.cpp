// Openings come from strangers: any bytes must be refused or decoded, and decoded bytes must be the
// only ones that encode the same opening. The chunk audit must take whatever decodes.
#include <algorithm>
#include <cstdlib>

#include "verify/chunk_audit.h"
#include "verify/opening.h"

namespace assay {

namespace {

// A fixed round of two tiles and two steps, in a tolerance class: every kind of part occurs.
struct Round {
    Round() {
        layout.add("w", 2, kTileValues);
        peer.numeric_class = NumericClass::kFp32;
        peer.sequences_per_step = 2;
        plan.inner_steps = 2;
        plan.learning_rate_bits = {0x3c23d70a, 0x3c23d70a};
        challenge.compressor_chunks = {0, 1};
        challenge.chain_chunks = {1};
        base.resize(layout.value_count());
        payload.sparse.chunks.resize(2);
        shape = opening_shape(plan, peer, layout.tile_count(), challenge);
    }
    ParameterLayout layout;
    RoundPlan plan;
    PlanPeer peer;
    Challenge challenge;
    std::vector<float> base;
    PeerPayload payload;
    Commit commit;
    OpeningShape shape;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Round kRound;
    // Short inputs are stretched to the exact length, so that the parts behind it are reached.
    Bytes bytes(data, data + size);
    if (size > 0 && data[size - 1] % 2 == 0) {
        bytes.resize(opening_bytes(kRound.shape));
        std::copy_n("AOP1", 4, bytes.begin());
    }
    const Result<Opening> opening = decode_opening(bytes, kRound.shape);
    if (!opening) {
        return 0;
    }
    if (encode_opening(*opening, kRound.shape) != bytes) {
        std::abort();
    }
    const ChunkAuditReport report = audit_chunks({kRound.plan,
                                                  kRound.peer,
                                                  kRound.layout,
                                                  {},
                                                  {},
                                                  kRound.base,
                                                  kRound.payload,
                                                  kRound.commit,
                                                  *opening},
                                                 {});
    if (report.pass) {
        std::abort();  // zero roots have no preimage
    }
    return 0;
}

}  // namespace assay
