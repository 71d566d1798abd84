// The outer step: exact accumulator, momentum, refusal, and the late removal of a share.
#include "model/outer_step.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/rng.h"

namespace assay {

namespace {

ParameterLayout small_layout() {
    ParameterLayout layout;
    layout.add("matrix", 70, 120);
    layout.add("norm", 1, 70);
    return layout;
}

std::vector<float> seeded(const ParameterLayout& layout, uint64_t seed, double scale) {
    CounterRng rng(derive_seed(Digest{}, "outer_step_test", {seed}));
    std::vector<float> values(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            const double u = 2 * rng.unit() - 1;
            values[tensor.first_value() + i] = static_cast<float>(scale * u * u * u);
        }
    }
    return values;
}

bool equal_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
        return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
    });
}

OuterSettings settings_of(const std::string& strategy) {
    OuterSettings settings;
    settings.strategy = strategy;
    return settings;
}

}  // namespace

TEST_CASE("what the coded step leaves out stays in the accumulator, bit for bit") {
    const ParameterLayout layout = small_layout();
    const OuterSettings settings = settings_of("sparseloco");
    OuterState state = initial_outer_state(settings, layout);
    CHECK(state.momentum.empty());
    std::vector<float> theta = seeded(layout, 1, 1.0);
    for (uint64_t round = 0; round < 4; ++round) {
        const std::vector<float> sum = seeded(layout, 10 + round, 0.01);
        const Result<OuterStep> step = outer_step(state, sum, layout, settings, {});
        REQUIRE(step.ok());
        std::vector<float> expected = theta;
        size_t moved = 0;
        for (size_t i = 0; i < sum.size(); ++i) {
            const float u = state.accumulator[i] + sum[i];
            const float left = u - step->q[i];
            REQUIRE(std::bit_cast<uint32_t>(step->after.accumulator[i]) ==
                    std::bit_cast<uint32_t>(left));
            expected[i] -= step->q[i];
            moved += step->q[i] != 0 ? 1 : 0;
        }
        CHECK(moved > 0);
        CHECK(moved < layout.live_count());

        // A peer has only the bytes.
        const Result<std::vector<float>> q = decode_aggregate(step->aggregate, layout, {}, false);
        REQUIRE(q.ok());
        apply_step(theta, *q);
        CHECK(equal_bits(theta, expected));
        state = step->after;
    }
}

TEST_CASE("a small constant step is not lost: in the long run it arrives") {
    const ParameterLayout layout = small_layout();
    CompressionSettings compression;
    compression.downlink_keep = 64;
    const OuterSettings settings = settings_of("sparseloco");
    OuterState state = initial_outer_state(settings, layout);
    const std::vector<float> sum = seeded(layout, 20, 0.01);
    std::vector<double> arrived(sum.size(), 0.0);
    constexpr int kRounds = 200;
    for (int round = 0; round < kRounds; ++round) {
        const Result<OuterStep> step = outer_step(state, sum, layout, settings, compression);
        REQUIRE(step.ok());
        for (size_t i = 0; i < sum.size(); ++i) {
            arrived[i] += static_cast<double>(step->q[i]);
        }
        state = step->after;
    }
    double error = 0;
    double total = 0;
    for (size_t i = 0; i < sum.size(); ++i) {
        error += std::abs(arrived[i] - kRounds * static_cast<double>(sum[i]));
        total += std::abs(kRounds * static_cast<double>(sum[i]));
    }
    CHECK(error < 0.15 * total);
}

TEST_CASE("diloco: Nesterov momentum on the mean, everything sent") {
    const ParameterLayout layout = small_layout();
    const OuterSettings settings = settings_of("diloco");
    CHECK(aggregate_settings(settings).mean == "per_peer");
    OuterState state = initial_outer_state(settings, layout);
    REQUIRE(state.momentum.size() == layout.value_count());
    std::vector<double> momentum(layout.value_count(), 0.0);
    for (uint64_t round = 0; round < 3; ++round) {
        const std::vector<float> sum = seeded(layout, 30 + round, 0.01);
        const Result<OuterStep> step = outer_step(state, sum, layout, settings, {});
        REQUIRE(step.ok());
        for (size_t i = 0; i < sum.size(); ++i) {
            momentum[i] = 0.9 * momentum[i] + static_cast<double>(sum[i]);
            const double expected = 0.9 * momentum[i] + static_cast<double>(sum[i]);
            REQUIRE(static_cast<double>(step->q[i]) == Approx(expected).margin(1e-8));
            REQUIRE(step->after.accumulator[i] == 0.0F);
        }
        state = step->after;
    }
}

TEST_CASE("average and ddp: the sum itself") {
    const ParameterLayout layout = small_layout();
    for (const char* name : {"average", "ddp"}) {
        const OuterState state = initial_outer_state(settings_of(name), layout);
        const std::vector<float> sum = seeded(layout, 40, 0.01);
        const Result<OuterStep> step = outer_step(state, sum, layout, settings_of(name), {});
        REQUIRE(step.ok());
        CHECK(equal_bits(step->q, sum));
    }
}

TEST_CASE("a sum that is not finite is refused") {
    const ParameterLayout layout = small_layout();
    for (const char* name : {"sparseloco", "diloco"}) {
        const OuterState state = initial_outer_state(settings_of(name), layout);
        std::vector<float> sum = seeded(layout, 50, 0.01);
        sum[7] = std::numeric_limits<float>::infinity();
        const Result<OuterStep> refused = outer_step(state, sum, layout, settings_of(name), {});
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.reason().find("matrix, value 7") != std::string::npos);
    }
}

TEST_CASE("a share taken out late comes back with the next step") {
    const ParameterLayout layout = small_layout();
    const OuterSettings settings = settings_of("average");
    OuterState state = initial_outer_state(settings, layout);
    const std::vector<float> share = seeded(layout, 60, 0.01);
    take_out(state, share);
    const std::vector<float> nothing(layout.value_count(), 0.0F);
    const Result<OuterStep> step = outer_step(state, nothing, layout, settings, {});
    REQUIRE(step.ok());
    for (size_t i = 0; i < share.size(); ++i) {
        REQUIRE(step->q[i] == -share[i]);
    }
}

}  // namespace assay
