// A peer's round of training: H steps of AdamW over a GradientModel, each step shown to a hook.
//
// The one place where gradient, clip and AdamW are put together: peers train with it, auditors use
// clipped_gradient and adamw_step on their own. The state's tiles are hashed, if anybody asks,
// while AdamW passes over them. No files, no clock, no randomness. One thread owns the loop and its
// model; `cancel` may be set from any thread.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/merkle.h"
#include "core/result.h"
#include "kernels/adamw.h"
#include "kernels/staggered_buffers.h"
#include "model/gradient_model.h"
#include "protocol/messages.h"

namespace assay {

// What the loop takes of the plan.
struct InnerPlan {
    uint32_t steps = 0;  // H
    uint32_t grain_sequences = 1;
    uint64_t optimiser_steps_before = 0;       // counted AdamW steps behind (m, v)
    std::vector<uint32_t> learning_rate_bits;  // one a step
    std::vector<uint32_t> bias1_bits;
    std::vector<uint32_t> bias2_bits;
};

// REQUIRES: plan and peer passed protocol's bounds.
InnerPlan inner_plan(const RoundPlan& plan, const PlanPeer& peer);

struct InnerState {
    std::vector<float> theta;
    std::vector<float> m;
    std::vector<float> v;
};

struct InnerSpans {
    std::span<float> theta;
    std::span<float> m;
    std::span<float> v;
};
// The state must outlive the spans and keep its sizes.
InnerSpans spans_of(InnerState& state);

// Whose tiles are hashed in each step.
enum class Hashed : uint8_t { kNothing, kThetaAndG, kThetaGAndV };

// Digests of all tiles (tile_digest) of theta_t, g_t and v_t: before the update. Empty where they
// are not asked for.
struct StepTiles {
    std::vector<Digest> theta;
    std::vector<Digest> g;
    std::vector<Digest> v;
};

// One step, behind its update. Valid during the hook alone.
struct InnerStep {
    uint32_t step = 0;         // t, from 0
    std::span<const float> g;  // post-clip: what AdamW was fed
    StepTiles tiles;
    float mean_loss = 0;
    float gradient_norm = 0;  // before clipping
    std::span<const float> sequence_losses;
};

struct ClippedGradient {
    StepGradient losses;
    float norm = 0;  // before clipping
};

// Gradient of the batch at theta, scaled by clip_scale(squared_norm(g), clip): g_t of the chain.
// Fails where it is not finite.
Result<ClippedGradient> clipped_gradient(GradientModel& model,
                                         std::span<const float> theta,
                                         const TokenBatch& batch,
                                         uint32_t grain_sequences,
                                         float clip,
                                         std::span<float> g);

// AdamW over a whole buffer in one pass: each tile is hashed as asked, then updated while it is in
// cache. Decay for matrices alone. step: t, from 0. All of it is done; fails, naming the first
// tensor, where parameters or moments are then not finite.
Result<StepTiles> adamw_all(ThreadPool& pool,
                            const ParameterLayout& layout,
                            const InnerSpans& state,
                            std::span<const float> g,
                            const AdamSettings& settings,
                            const InnerPlan& plan,
                            uint32_t step,
                            Hashed hashed = Hashed::kNothing);

class InnerLoop {
public:
    enum class End { kFinished, kAbandoned };
    using BatchOf = std::function<Result<TokenBatch>(uint32_t step)>;
    using StepHook = std::function<Status(const InnerStep&)>;

    // REQUIRES: model outlives the loop; state fits its layout; one learning rate a step.
    InnerLoop(GradientModel& model,
              const AdamSettings& settings,
              InnerPlan plan,
              const InnerState& state,
              Hashed hashed = Hashed::kNothing);

    // Takes one step. Fails, theta, m and v unchanged, if the batch or the gradient does; the loop
    // cannot go on after a failure of the update or the hook, which come last.
    Status advance(const BatchOf& batch_of, const StepHook& hook);
    // The remaining steps; `cancel` is looked at before each.
    Result<End> run(const BatchOf& batch_of, const StepHook& hook, const std::atomic<bool>& cancel);

    [[nodiscard]] uint32_t steps_done() const { return steps_done_; }
    // A copy of theta, m and v.
    [[nodiscard]] InnerState state() const;

private:
    GradientModel& model_;
    AdamSettings settings_;
    InnerPlan plan_;
    Hashed hashed_;
    StaggeredBuffers buffers_;  // theta, m, v, g: AdamW walks them at once
    [[nodiscard]] InnerSpans spans() { return {buffers_[0], buffers_[1], buffers_[2]}; }

    uint32_t steps_done_ = 0;
};

}  // namespace assay
