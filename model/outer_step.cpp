#include "model/outer_step.h"

#include <cmath>

namespace assay {

namespace {

// b and x of the header's first line; without momentum x is the sum.
std::vector<float> with_momentum(std::vector<float>& b, std::span<const float> sum, float mu) {
    std::vector<float> x(sum.begin(), sum.end());
    for (size_t i = 0; i < b.size(); ++i) {
        b[i] = std::fma(mu, b[i], sum[i]);
        x[i] = std::fma(mu, b[i], sum[i]);
    }
    return x;
}

}  // namespace

Strategy strategy_of(const OuterSettings& settings) {
    const Result<Strategy> strategy = strategy_from_name(settings.strategy);
    ASSAY_CHECK_MSG(strategy.ok(), settings.strategy);
    return *strategy;
}

AggregateSettings aggregate_settings(const OuterSettings& settings) {
    AggregateSettings result = settings.aggregate;
    if (is_dense(strategy_of(settings))) {
        result.mean = "per_peer";
    }
    return result;
}

OuterState initial_outer_state(const OuterSettings& settings, const ParameterLayout& layout) {
    OuterState state;
    state.accumulator.assign(layout.value_count(), 0.0F);
    if (strategy_of(settings) == Strategy::kDiLoCo) {
        state.momentum.assign(layout.value_count(), 0.0F);
    }
    return state;
}

Result<OuterStep> outer_step(const OuterState& before,
                             std::span<const float> sum,
                             const ParameterLayout& layout,
                             const OuterSettings& settings,
                             const CompressionSettings& compression,
                             ThreadPool* threads) {
    ASSAY_CHECK_EQ(before.accumulator.size(), layout.value_count());
    ASSAY_CHECK_EQ(sum.size(), layout.value_count());
    const Strategy strategy = strategy_of(settings);
    ASSAY_CHECK_EQ(before.momentum.size(),
                   strategy == Strategy::kDiLoCo ? layout.value_count() : 0);
    OuterStep step;
    step.after = before;
    std::vector<float> u =
        with_momentum(step.after.momentum, sum, static_cast<float>(settings.momentum));
    for (size_t i = 0; i < u.size(); ++i) {
        u[i] = before.accumulator[i] + u[i];
    }
    Result<QuantisedAggregate> quantised =
        quantise_aggregate(u, layout, compression, is_dense(strategy), threads);
    if (!quantised) {
        return quantised.error();
    }
    step.q = std::move(quantised->q);
    step.aggregate = std::move(quantised->bytes);
    for (size_t i = 0; i < u.size(); ++i) {
        step.after.accumulator[i] = u[i] - step.q[i];
    }
    return step;
}

void apply_step(std::span<float> theta, std::span<const float> q) {
    ASSAY_CHECK_EQ(theta.size(), q.size());
    for (size_t i = 0; i < theta.size(); ++i) {
        theta[i] -= q[i];
    }
}

void take_out(OuterState& state, std::span<const float> share) {
    ASSAY_CHECK_EQ(state.accumulator.size(), share.size());
    for (size_t i = 0; i < share.size(); ++i) {
        state.accumulator[i] -= share[i];
    }
}

}  // namespace assay
