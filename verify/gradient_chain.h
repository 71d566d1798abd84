// What a peer binds itself to and later opens: the chain of (theta_t, g_t) of one round.
//
// Recorded while the round trains; keeps the gradients and the ends of the round, regenerates
// theta_t and v_t by replaying AdamW, and answers the challenge that follows from the beacon. Says
// nothing about whether the work was right. One thread owns it: the peer's compute thread.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/merkle.h"
#include "model/inner_loop.h"
#include "protocol/layout.h"
#include "protocol/messages.h"
#include "verify/challenge.h"
#include "verify/gradient_store.h"
#include "verify/opening.h"
#include "verify/peer_payload.h"

namespace assay {

// theta_t and v_t before the update of step t, and g_t as AdamW was fed it. v is empty in class
// exact.
struct StepState {
    std::vector<float> theta;
    std::vector<float> g;
    std::vector<float> v;
};

class GradientChain {
public:
    // peer: whose id the leaves hold. start: theta_r, m_0, v_0, each of layout size. Tiles are
    // hashed on `pool`, which outlives the chain; by the caller's thread alone if it is null.
    static Result<std::unique_ptr<GradientChain>> begin(const PeerId& peer,
                                                        const ParameterLayout& layout,
                                                        NumericClass numeric_class,
                                                        const AdamSettings& adam,
                                                        InnerPlan plan,
                                                        InnerState start,
                                                        const StorePlace& place = {},
                                                        ThreadPool* pool = nullptr);

    // Whose digests record() wants.
    [[nodiscard]] Hashed hashed() const;
    // What the inner loop's hook is shown, steps in order. batch_id: batch_digest of the step's
    // samples (protocol/codec.h). Fails where the disk is full.
    Status record(const InnerStep& step, const Digest& batch_id);
    // After the last step: theta_H, m_H, v_H. REQUIRES: all steps were recorded.
    void finish(const InnerState& end);
    // The compressor's ends: e before the round, and after. REQUIRES: finish() was called.
    void record_feedback(std::vector<float> e_before,
                         std::span<const float> e_after,
                         const PayloadFormat& format);

    [[nodiscard]] Digest states_root() const;
    [[nodiscard]] Digest trace_root() const;
    [[nodiscard]] const EndLeaf& end_leaf() const { return end_; }
    [[nodiscard]] const std::vector<float>& theta_end() const { return theta_end_; }

    // Fills the fields of a COMMIT that follow from the chain: class, states, trace, e before and
    // after. REQUIRES: finish() and record_feedback() were called.
    void fill(Commit& commit) const;

    // REQUIRES: as fill().
    [[nodiscard]] Result<Opening> build_opening(const Challenge& challenge) const;
    // The same as bytes, as they travel. REQUIRES: as fill().
    [[nodiscard]] Result<Bytes> opening_bytes(const RoundPlan& plan,
                                              const PlanPeer& peer,
                                              const Challenge& challenge) const;
    // Cheapest in increasing order of steps: goes on replaying from the last one asked for.
    Result<StepState> step_state(uint32_t step);

private:
    // Tile digests of a buffer: the Merkle tree over them is built when a path is asked for.
    using Tiles = std::vector<Digest>;
    struct Cursor {
        uint32_t step = 0;
        InnerState state;
    };
    GradientChain(const PeerId& peer,
                  const ParameterLayout& layout,
                  NumericClass numeric_class,
                  const AdamSettings& adam,
                  InnerState start,
                  std::unique_ptr<GradientStore> store);
    [[nodiscard]] ThreadPool& pool() const;
    [[nodiscard]] Tiles tile_digests(std::span<const float> values) const;
    [[nodiscard]] ChunkOpening open_chunk(uint64_t chunk, uint32_t strip) const;
    Status open_chain(ChunkOpening& opened) const;
    [[nodiscard]] AdamScalars scalars(uint32_t step, uint64_t chunk) const;
    void prove(Opening& opening, const Challenge& challenge) const;

    PeerId peer_;
    ParameterLayout layout_;
    NumericClass numeric_class_;
    AdamSettings adam_;
    InnerPlan plan_;
    InnerState start_;
    std::unique_ptr<GradientStore> store_;
    ThreadPool* pool_ = nullptr;
    std::vector<StepTiles> tiles_;
    std::vector<StateLeaf> states_;
    std::vector<TraceStep> trace_;
    EndLeaf end_;
    std::vector<float> theta_end_;
    std::vector<float> e_before_;
    std::vector<float> sum_;  // what the compressor selects from
    Tiles theta_end_tiles_, m_before_, v_before_, m_after_, v_after_, e_before_tiles_, e_after_;
    Tiles sum_tiles_;
    std::optional<Cursor> cursor_;
};

}  // namespace assay
