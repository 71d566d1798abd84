// What a peer opens after the beacon, and its one canonical byte string.
//
// The verifier knows every count beforehand (plan, layout, challenge), so the bytes hold no
// lengths: an opening has exactly opening_size(shape) bytes, and each of them is covered by a hash
// that the COMMIT binds. Decoding says nothing about truth: verify/inspect.h and chunk_audit.h do.
//
// Bytes, little-endian: "AOP1"; per step theta root, g root (v root: tolerance classes); the end
// leaf's five roots; per step f32 loss, f32 norm, batch id, f32 losses; then per opened chunk, in
// increasing order: e_before tile, path; theta_H tile, path; e_after path; for chunks of the chain:
// m_0 tile, path; v_0 tile, path; per step g tile, path, theta path (v path: tolerance classes);
// m_H path; v_H path. A path is its siblings, as many as (chunk, tiles) says.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/merkle.h"
#include "protocol/messages.h"
#include "verify/challenge.h"

namespace assay {

struct OpenedTile {
    std::vector<float> values;  // kTileValues
    MerklePath path;
};

struct ChainOpening {
    OpenedTile m_before;
    OpenedTile v_before;
    std::vector<OpenedTile> g;      // one a step, under the step's g root
    std::vector<MerklePath> theta;  // one a step; the tile itself is recomputed
    std::vector<MerklePath> v;      // one a step in tolerance classes, else empty
    MerklePath m_after;
    MerklePath v_after;
};

struct ChunkOpening {
    uint64_t chunk = 0;
    OpenedTile e_before;
    OpenedTile theta_end;
    MerklePath e_after;
    std::optional<ChainOpening> chain;
};

struct Opening {
    std::vector<StateLeaf> states;  // all H: the root over them is recomputed
    EndLeaf end;
    std::vector<TraceStep> trace;  // all H
    std::vector<ChunkOpening> chunks;
};

// Every count inside an opening.
struct OpeningShape {
    uint64_t tiles = 0;
    uint32_t inner_steps = 0;
    uint32_t sequences = 0;  // per step: losses in the trace
    bool opens_v = false;    // tolerance classes
    std::vector<uint64_t> compressor_chunks;
    std::vector<uint64_t> chain_chunks;
};

// The same on both sides: peer and judge know plan and challenge. `tiles`: of the layout.
OpeningShape opening_shape(const RoundPlan& plan,
                           const PlanPeer& peer,
                           uint64_t tiles,
                           const Challenge& challenge);

// Exact size: what to fetch at most, and what a peer's uplink must carry within T_c.
uint64_t opening_size(const OpeningShape& shape);

// REQUIRES: opening has this shape.
Bytes encode_opening(const Opening& opening, const OpeningShape& shape);
// Bytes from a stranger. Fails on a wrong size or mark; never allocates more than the input holds.
Result<Opening> decode_opening(ByteSpan bytes, const OpeningShape& shape);

// Siblings in the path of leaf `index` among `count`. REQUIRES: index < count.
uint32_t merkle_path_length(uint64_t index, uint64_t count);

}  // namespace assay
