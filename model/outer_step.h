// The outer optimiser: the sum of shares becomes a step Q(u), the same bits for every node.
//
//   x = sum (dense with momentum: b <- fma(mu, b, sum), x = fma(mu, b, sum))
//   u = fl(E + x);   theta <- fl(theta - Q(u));   E <- fl(u - Q(u))
// Only the coordinator holds an OuterState; peers call decode_aggregate and apply_step. Functions
// without state of their own; any thread.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "compression/payload.h"

namespace assay {

struct OuterSettings {
    std::string strategy = "sparseloco";
    double momentum = 0.9;  // mu of diloco; the other strategies have none
    AggregateSettings aggregate;

    // All settings, in the order of the digest (core/fields.h).
    template <class V>
    void for_each(V& visitor) {
        visitor(Field{"strategy",
                      "",
                      0,
                      0,
                      "sparseloco (top-k, error feedback), diloco (dense, Nesterov), average "
                      "(dense), ddp (dense, one inner step)",
                      {"sparseloco", "diloco", "average", "ddp"}},
                strategy);
        visitor(Field{"momentum", "", 0, 0.999, "outer Nesterov momentum of diloco"}, momentum);
        aggregate.for_each(visitor);
    }
    template <class V>
    void for_each(V& visitor) const {
        const_cast<OuterSettings*>(this)->for_each(visitor);
    }
};

// REQUIRES: settings.strategy is one of the four names.
Strategy strategy_of(const OuterSettings& settings);
// The aggregate's settings under the strategy: dense payloads have one mean, that of the peers.
AggregateSettings aggregate_settings(const OuterSettings& settings);

struct OuterState {
    std::vector<float> accumulator;  // E; layout.value_count() values
    std::vector<float> momentum;     // b of diloco, else empty
};

// All zeros, sized for the strategy.
OuterState initial_outer_state(const OuterSettings& settings, const ParameterLayout& layout);

struct OuterStep {
    std::vector<float> q;  // Q(u): what every node subtracts
    Bytes aggregate;       // its canonical bytes: the downlink
    OuterState after;
};

// Fails, changing nothing, where u is not finite: the round is then void. Null threads: the caller
// alone. REQUIRES: before and sum fit the layout.
Result<OuterStep> outer_step(const OuterState& before,
                             std::span<const float> sum,
                             const ParameterLayout& layout,
                             const OuterSettings& settings,
                             const CompressionSettings& compression,
                             ThreadPool* threads = nullptr);

// theta <- fl(theta - q). REQUIRES: equal sizes.
void apply_step(std::span<float> theta, std::span<const float> q);

// Takes a share out again after a late rejection: E <- fl(E - D_i).
void take_out(OuterState& state, std::span<const float> share);

}  // namespace assay
