#include "model/inner_loop.h"

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

Result<ClippedGradient> clipped_gradient(GradientModel& model,
                                         std::span<const float> theta,
                                         const TokenBatch& batch,
                                         uint32_t grain_sequences,
                                         float clip,
                                         std::span<float> g) {
    ClippedGradient result;
    result.losses = model.gradient(theta, batch, grain_sequences, g);
    const double squares = squared_norm(g);
    if (!std::isfinite(squares) || !std::isfinite(result.losses.mean_loss)) {
        return fail("the gradient or the loss is not finite");
    }
    result.norm = static_cast<float>(std::sqrt(squares));
    scale_in_place(g, clip_scale(squares, clip));
    return result;
}

void adamw_all(const ParameterLayout& layout,
               InnerState& state,
               std::span<const float> g,
               const AdamSettings& settings,
               const InnerPlan& plan,
               uint32_t step) {
    ASSAY_CHECK_LT(step, plan.learning_rate_bits.size());
    for (const TensorLayout& tensor : layout.tensors) {
        const AdamScalars scalars = adam_scalars(settings,
                                                 plan.learning_rate_bits[step],
                                                 plan.bias1_bits,
                                                 plan.bias2_bits,
                                                 plan.optimiser_steps_before + step + 1,
                                                 tensor.decayed());
        const size_t first = tensor.first_value();
        const size_t count = tensor.tile_count() * kTileValues;
        adamw_step(std::span(state.theta).subspan(first, count),
                   std::span(state.m).subspan(first, count),
                   std::span(state.v).subspan(first, count),
                   g.subspan(first, count),
                   scalars);
    }
}

InnerLoop::InnerLoop(GradientModel& model,
                     const AdamSettings& settings,
                     InnerPlan plan,
                     InnerState state)
    : model_(model),
      settings_(settings),
      plan_(std::move(plan)),
      state_(std::move(state)),
      g_(model.layout().value_count(), 0.0F) {
    ASSAY_CHECK_EQ(plan_.learning_rate_bits.size(), plan_.steps);
    ASSAY_CHECK(plan_.grain_sequences > 0);
    ASSAY_CHECK_EQ(state_.theta.size(), g_.size());
    ASSAY_CHECK_EQ(state_.m.size(), g_.size());
    ASSAY_CHECK_EQ(state_.v.size(), g_.size());
}

Status InnerLoop::advance(const BatchOf& batch_of, const StepHook& hook) {
    ASSAY_CHECK_LT(steps_done_, plan_.steps);
    const std::string where = "step " + std::to_string(steps_done_) + ": ";
    const Result<TokenBatch> batch = batch_of(steps_done_);
    if (!batch) {
        return fail(where + batch.reason());
    }
    const Result<ClippedGradient> gradient =
        clipped_gradient(model_, state_.theta, *batch, plan_.grain_sequences, settings_.clip, g_);
    if (!gradient) {
        return fail(where + gradient.reason());
    }
    if (hook) {
        const Status shown = hook({steps_done_,
                                   state_.theta,
                                   g_,
                                   state_.v,
                                   gradient->losses.mean_loss,
                                   gradient->norm,
                                   gradient->losses.sequence_losses});
        if (!shown) {
            return fail(where + shown.reason());
        }
    }
    adamw_all(model_.layout(), state_, g_, settings_, plan_, steps_done_);
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
