#include "model/inner_loop.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>

#include "kernels/norm.h"

namespace assay {

InnerPlan inner_plan(const RoundPlan& plan, const PlanPeer& peer) {
    return {plan.inner_steps,
            plan.grain_sequences,
            peer.optimiser_steps,
            plan.learning_rate_bits,
            plan.bias1_bits,
            plan.bias2_bits};
}

namespace {

bool all_finite(const TensorLayout& tensor, std::span<const float> values) {
    const size_t count = tensor.tile_count() * kTileValues;
    return std::isfinite(squared_norm(values.subspan(tensor.first_value(), count)));
}

// The first tensor of which a value is not finite; empty if there is none.
std::string not_finite_tensor(const ParameterLayout& layout, std::span<const float> values) {
    for (const TensorLayout& tensor : layout.tensors) {
        if (!all_finite(tensor, values)) {
            return tensor.name;
        }
    }
    return {};
}

// Why a step cannot go on: what is not finite. A bad value in theta spreads to every gradient, so
// theta is looked at first.
Error not_finite(const ParameterLayout& layout,
                 std::span<const float> theta,
                 std::span<const float> g) {
    if (const std::string name = not_finite_tensor(layout, theta); !name.empty()) {
        return fail("the parameters of " + name + " are not finite");
    }
    if (const std::string name = not_finite_tensor(layout, g); !name.empty()) {
        return fail("the gradient of " + name + " is not finite");
    }
    return fail("the loss is not finite");
}

// Why AdamW said no. REQUIRES: a value of theta or v is not finite.
Error not_finite_after(const ParameterLayout& layout, const InnerSpans& state) {
    const auto bad = std::ranges::find_if(layout.tensors, [&](const TensorLayout& tensor) {
        return !all_finite(tensor, state.theta) || !all_finite(tensor, state.v);
    });
    ASSAY_CHECK(bad != layout.tensors.end());
    const bool moments = all_finite(*bad, state.theta);
    return fail(std::string(moments ? "the second moments" : "the parameters") + " of " +
                bad->name + " are not finite after the update");
}

// The values of tiles [first, last).
template <class Value>
std::span<Value> of_tiles(std::span<Value> values, size_t first, size_t last) {
    return values.subspan(first * kTileValues, (last - first) * kTileValues);
}

StepTiles sized_tiles(Hashed hashed, size_t count) {
    StepTiles tiles;
    tiles.theta.resize(hashed == Hashed::kNothing ? 0 : count);
    tiles.g.resize(tiles.theta.size());
    tiles.v.resize(hashed == Hashed::kThetaGAndV ? count : 0);
    return tiles;
}

// Of tiles [first, last). digests: one for each tile of `values`, or none: then nothing is hashed.
void hash_tiles(std::vector<Digest>& digests,
                std::span<const float> values,
                size_t first,
                size_t last) {
    for (size_t tile = first; tile < last && !digests.empty(); ++tile) {
        digests[tile] = tile_digest(tile, of_tiles(values, tile, tile + 1));
    }
}

}  // namespace

Result<ClippedGradient> clipped_gradient(GradientModel& model,
                                         std::span<const float> theta,
                                         const TokenBatch& batch,
                                         uint32_t grain_sequences,
                                         float clip,
                                         std::span<float> g) {
    ClippedGradient result;
    result.losses = model.gradient(theta, batch, grain_sequences, g);
    const double squares = squared_norm(model.pool(), g);
    if (!std::isfinite(squares) || !std::isfinite(result.losses.mean_loss)) {
        return not_finite(model.layout(), theta, g);
    }
    result.norm = static_cast<float>(std::sqrt(squares));
    scale_in_place(model.pool(), g, clip_scale(squares, clip));
    return result;
}

Result<StepTiles> adamw_all(ThreadPool& pool,  // NOLINT(readability-function-size)
                            const ParameterLayout& layout,
                            const InnerSpans& state,
                            std::span<const float> g,
                            const AdamSettings& settings,
                            const InnerPlan& plan,
                            uint32_t step,
                            Hashed hashed) {
    ASSAY_CHECK_LT(step, plan.learning_rate_bits.size());
    const auto scalars = [&](bool decayed) {
        return adam_scalars(settings,
                            plan.learning_rate_bits[step],
                            plan.bias1_bits,
                            plan.bias2_bits,
                            plan.optimiser_steps_before + step + 1,
                            decayed);
    };
    const AdamScalars of_vectors = scalars(false);
    const AdamScalars of_matrices = scalars(true);
    StepTiles tiles = sized_tiles(hashed, layout.tile_count());
    std::atomic<bool> finite{true};
    const auto update = [&](size_t first, size_t last, bool decayed) {
        return adamw_step(of_tiles(state.theta, first, last),
                          of_tiles(state.m, first, last),
                          of_tiles(state.v, first, last),
                          of_tiles(g, first, last),
                          decayed ? of_matrices : of_vectors);
    };
    // A block's theta and g stay in the second cache from their hash to their update; one tile at a
    // time is slower than two passes, since what AdamW reads ahead then never gets under way.
    constexpr size_t kBlock = 8;
    const size_t count = layout.tile_count();
    pool.run((count + kBlock - 1) / kBlock, [&](size_t block, size_t) {
        const size_t first = block * kBlock;
        const size_t last = std::min(first + kBlock, count);
        hash_tiles(tiles.theta, state.theta, first, last);
        hash_tiles(tiles.g, g, first, last);
        hash_tiles(tiles.v, state.v, first, last);
        for (size_t tile = first; tile < last;) {  // what lies in one tensor
            const TensorLayout& tensor = layout.tensor_of_tile(tile);
            const size_t end = std::min<size_t>(last, tensor.first_tile + tensor.tile_count());
            if (!update(tile, end, tensor.decayed())) {
                finite.store(false, std::memory_order_relaxed);
            }
            tile = end;
        }
    });
    if (!finite.load(std::memory_order_relaxed)) {
        return not_finite_after(layout, state);
    }
    return tiles;
}

InnerSpans spans_of(InnerState& state) {
    return {state.theta, state.m, state.v};
}

InnerLoop::InnerLoop(GradientModel& model,
                     const AdamSettings& settings,
                     InnerPlan plan,
                     const InnerState& state,
                     Hashed hashed)
    : model_(model),
      settings_(settings),
      plan_(std::move(plan)),
      hashed_(hashed),
      buffers_(4, model.layout().value_count()) {
    ASSAY_CHECK_EQ(plan_.learning_rate_bits.size(), plan_.steps);
    ASSAY_CHECK(plan_.grain_sequences > 0);
    const std::array<const std::vector<float>*, 3> parts = {&state.theta, &state.m, &state.v};
    for (size_t i = 0; i < parts.size(); ++i) {
        ASSAY_CHECK_EQ(parts[i]->size(), buffers_.count());
        std::copy(parts[i]->begin(), parts[i]->end(), buffers_[i].begin());
    }
}

InnerState InnerLoop::state() const {
    const auto copy = [](std::span<const float> values) {
        return std::vector<float>(values.begin(), values.end());
    };
    return {copy(buffers_[0]), copy(buffers_[1]), copy(buffers_[2])};
}

Status InnerLoop::advance(const BatchOf& batch_of, const StepHook& hook) {
    ASSAY_CHECK_LT(steps_done_, plan_.steps);
    const std::string where = "step " + std::to_string(steps_done_) + ": ";
    const Result<TokenBatch> batch = batch_of(steps_done_);
    if (!batch) {
        return fail(where + batch.reason());
    }
    const InnerSpans state = spans();
    const std::span<float> g = buffers_[3];
    const Result<ClippedGradient> gradient =
        clipped_gradient(model_, state.theta, *batch, plan_.grain_sequences, settings_.clip, g);
    if (!gradient) {
        return fail(where + gradient.reason());
    }
    // What no batch reads (a row of the embedding) reaches neither loss nor gradient, only this.
    Result<StepTiles> tiles =
        adamw_all(model_.pool(), model_.layout(), state, g, settings_, plan_, steps_done_, hashed_);
    if (!tiles) {
        return fail(where + tiles.reason());
    }
    if (hook) {
        const Status shown = hook({steps_done_,
                                   g,
                                   std::move(*tiles),
                                   gradient->losses.mean_loss,
                                   gradient->norm,
                                   gradient->losses.sequence_losses});
        if (!shown) {
            return fail(where + shown.reason());
        }
    }
    ++steps_done_;
    return {};
}

Result<InnerLoop::End> InnerLoop::run(const BatchOf& batch_of,
                                      const StepHook& hook,
                                      const std::atomic<bool>& cancel) {
    while (steps_done_ < plan_.steps) {
        if (cancel.load(std::memory_order_relaxed)) {
            return End::kAbandoned;
        }
        if (Status step = advance(batch_of, hook); !step) {
            return step.error();
        }
    }
    return End::kFinished;
}

}  // namespace assay
