#include "model/inner_loop.h"

#include <algorithm>
#include <array>
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

// The first tensor of which a value is not finite; empty if there is none.
std::string not_finite_tensor(const ParameterLayout& layout, std::span<const float> values) {
    for (const TensorLayout& tensor : layout.tensors) {
        if (!std::isfinite(squared_norm(values.subspan(tensor.first_value(), tensor.live())))) {
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

Status adamw_all(ThreadPool& pool,  // NOLINT(readability-function-size)
                 const ParameterLayout& layout,
                 const InnerSpans& state,
                 std::span<const float> g,
                 const AdamSettings& settings,
                 const InnerPlan& plan,
                 uint32_t step) {
    ASSAY_CHECK_LT(step, plan.learning_rate_bits.size());
    Status done;
    for (const TensorLayout& tensor : layout.tensors) {
        const AdamScalars scalars = adam_scalars(settings,
                                                 plan.learning_rate_bits[step],
                                                 plan.bias1_bits,
                                                 plan.bias2_bits,
                                                 plan.optimiser_steps_before + step + 1,
                                                 tensor.decayed());
        const size_t first = tensor.first_value();
        const size_t count = tensor.tile_count() * kTileValues;
        const std::span<float> theta = state.theta.subspan(first, count);
        const bool finite = adamw_step(pool,
                                       theta,
                                       state.m.subspan(first, count),
                                       state.v.subspan(first, count),
                                       g.subspan(first, count),
                                       scalars);
        if (!finite && done) {
            const bool moments = std::isfinite(squared_norm(theta));
            done = fail(std::string(moments ? "the second moments" : "the parameters") + " of " +
                        tensor.name + " are not finite after the update");
        }
    }
    return done;
}

InnerSpans spans_of(InnerState& state) {
    return {state.theta, state.m, state.v};
}

InnerLoop::InnerLoop(GradientModel& model,
                     const AdamSettings& settings,
                     InnerPlan plan,
                     const InnerState& state)
    : model_(model),
      settings_(settings),
      plan_(std::move(plan)),
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
    if (hook) {
        const Status shown = hook({steps_done_,
                                   state.theta,
                                   g,
                                   state.v,
                                   gradient->losses.mean_loss,
                                   gradient->norm,
                                   gradient->losses.sequence_losses});
        if (!shown) {
            return fail(where + shown.reason());
        }
    }
    // What no batch reads (a row of the embedding) reaches neither loss nor gradient, only this.
    const Status updated =
        adamw_all(model_.pool(), model_.layout(), state, g, settings_, plan_, steps_done_);
    if (!updated) {
        return fail(where + updated.reason());
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
