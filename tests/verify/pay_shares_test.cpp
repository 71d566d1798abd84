// The shares that pay is made of: they close, and are the Shapley values where those are known.
#include "verify/pay_shares.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/support/expand_payload.h"
#include "tests/support/quadratic_model.h"
#include "tests/support/verify_world.h"

namespace assay {

TEST_CASE("shares on a quadratic loss close, and are the Shapley values", "[verify]") {
    QuadraticModel model;
    const std::vector<float> theta(kTileValues, 0.0F);
    const std::vector<PeerPayload> deltas = {
        towards(0.2F), towards(0.1F), noise(3, 0.01F), towards(-0.05F)};
    std::vector<float> step(kTileValues);
    for (const PeerPayload& delta : deltas) {
        for (size_t i = 0; i < step.size(); ++i) {
            step[i] += delta.dense[i];
        }
    }
    step[3] -= 0.125F;  // what the encoding added
    const ShareSource share = [&](size_t i, std::span<float> out) {
        std::copy(deltas[i].dense.begin(), deltas[i].dense.end(), out.begin());
    };
    const TokenBatch batch = tokens_from(0, 64);
    for (const int64_t nodes : {int64_t{1}, int64_t{2}}) {
        const PayShares outcome =
            aumann_shapley(model, theta, step, deltas.size(), share, batch, 1, nodes);
        CHECK(std::abs(outcome.predicted - outcome.measured) < 20000);  // 2e-5 nat of fp32 losses
        CHECK(outcome.measured > 1000000000);
        CHECK(outcome.phi[0] == Approx(2.0 * static_cast<double>(outcome.phi[1])).epsilon(1e-3));
        CHECK(outcome.phi[3] < 0);
        CHECK(outcome.encoding > 0);
        int64_t sum = outcome.encoding;
        for (const int64_t phi : outcome.phi) {
            sum += phi;
        }
        CHECK(sum == outcome.predicted);
    }
}

TEST_CASE("the shares of a real round add up to the measured decrease", "[verify]") {
    VerifyWorld world(NumericClass::kExact, 3);
    const RoundPlan plan = world.plan();
    std::vector<PeerRound> rounds;
    for (size_t i = 0; i < 3; ++i) {
        rounds.push_back(world.train(plan, i));
    }
    const std::vector<float> before = world.theta;
    std::vector<PeerPayload> payloads;
    payloads.reserve(rounds.size());
    for (const PeerRound& done : rounds) {
        payloads.push_back(world.decoded(done));
    }
    world.finish(plan, rounds);
    std::vector<float> step(before.size());
    for (size_t i = 0; i < step.size(); ++i) {
        step[i] = before[i] - world.theta[i];
    }
    std::vector<uint64_t> samples(32);
    for (size_t i = 0; i < samples.size(); ++i) {
        samples[i] = i;
    }
    const ShareSource share = [&](size_t i, std::span<float> out) {
        expand_payload(payloads[i], out);
        for (float& x : out) {
            x /= 3;
        }
    };
    const PayShares outcome =
        aumann_shapley(world.model, before, step, 3, share, toy_batch(samples, 16, true), 1, 1);
    CHECK(outcome.measured > 0);
    CHECK(std::abs(outcome.predicted - outcome.measured) < outcome.measured / 50);
    for (const int64_t phi : outcome.phi) {
        CHECK(phi > 0);
    }
}

TEST_CASE("nats become bounded integers", "[verify]") {
    CHECK(to_nano_nats(0.25) == 250000000);
    CHECK(to_nano_nats(-1.5e-9) == -2);
    CHECK(to_nano_nats(std::numeric_limits<double>::quiet_NaN()) == 0);
    CHECK(to_nano_nats(1e300) == 1000000000000000);
}

}  // namespace assay
