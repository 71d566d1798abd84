// What a peer opens after the beacon, and its one canonical byte string.
//
// The verifier knows every count beforehand (plan, layout, challenge), so the bytes hold no
// lengths: an opening has exactly opening_size(shape) bytes, and each of them is covered by a hash
// that the COMMIT binds. Decoding says nothing about truth: verify/inspect.h and chunk_audit.h do.
// Only what the verdict reads is there, and nothing twice: of each drawn chunk the tile that the
// compressor selects from and one strip (core/tile_strips.h) of all that is elementwise; theta_0 is
// the verifier's own, theta_t, moments and e after are recomputed; each tree has one proof.
//
// Bytes, little-endian: "AOP2"; per step theta root, g root (v root: tolerance classes); the end
// leaf's six roots; per step f32 loss, f32 norm, batch id, f32 losses; then per opened chunk, in
// increasing order: the sum's tile; e_before strip, path; theta_H strip (not in chunks of the
// chain), path; for chunks of the chain: m_0 strip, path; v_0 strip, path; per step g strip, path,
// from step 1 on theta path (v path: tolerance classes); m_H path; v_H path; then the proofs: sum,
// e_before, e_after, theta_H of the chunks; m_0, v_0, per step g, from step 1 on theta (v), m_H,
// v_H of the chain's. A path is 6 digests, a proof as many as (chunks, tiles) says.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/multi_proof.h"
#include "core/tile_strips.h"
#include "protocol/messages.h"
#include "verify/challenge.h"

namespace assay {

struct OpenedStrip {
    std::vector<float> values;  // kStripValues; none where they are recomputed
    StripPath path;
};

struct ChainOpening {
    OpenedStrip m_before;
    OpenedStrip v_before;
    std::vector<OpenedStrip> g;    // one a step, under the step's g root
    std::vector<StripPath> theta;  // of steps 1 .. H - 1
    std::vector<StripPath> v;      // the same in tolerance classes, else none
    StripPath m_after;
    StripPath v_after;
};

struct ChunkOpening {
    uint64_t chunk = 0;
    uint32_t strip = 0;      // the drawn one
    std::vector<float> sum;  // kTileValues: fma(beta, e, theta_r - theta_H); e in dense strategies
    OpenedStrip e_before;
    OpenedStrip theta_end;
    std::optional<ChainOpening> chain;
};

// Siblings of one proof a tree (core/multi_proof.h).
struct OpeningProofs {
    using Siblings = std::vector<Digest>;
    Siblings sum, e_before, e_after, theta_end;     // of all opened chunks
    Siblings m_before, v_before, m_after, v_after;  // of those of the chain
    std::vector<Siblings> g;                        // one a step
    std::vector<Siblings> theta;                    // of steps 1 .. H - 1
    std::vector<Siblings> v;                        // the same in tolerance classes
};

struct Opening {
    std::vector<StateLeaf> states;  // all H: the root over them is recomputed
    EndLeaf end;
    std::vector<TraceStep> trace;  // all H
    std::vector<ChunkOpening> chunks;
    OpeningProofs proofs;
};

// Every count inside an opening.
struct OpeningShape {
    uint64_t tiles = 0;
    uint32_t inner_steps = 0;
    uint32_t sequences = 0;  // per step: losses in the trace
    bool opens_v = false;    // tolerance classes
    std::vector<uint64_t> compressor_chunks;
    std::vector<uint32_t> strips;  // one a chunk
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

}  // namespace assay
