// The direction gate and the shares, on losses whose answers are known.
#include "verify/direction_gate.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/rng.h"
#include "tests/support/expand_payload.h"
#include "tests/support/verify_world.h"

namespace assay {

namespace {

// Loss of a sequence: 0.5 |theta - c|^2, with c drawn by its first token. Quadratic, so shares are
// exact; one tile.
class QuadraticModel : public GradientModel {
public:
    QuadraticModel() { layout_.add("w", 1, 64); }
    [[nodiscard]] const ParameterLayout& layout() const override { return layout_; }
    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t,
                          std::span<float> gradient) override {
        std::fill(gradient.begin(), gradient.end(), 0.0F);
        for (uint32_t s = 0; s < batch.sequences; ++s) {
            const std::vector<float> c = centre(batch, s);
            for (size_t i = 0; i < 64; ++i) {
                gradient[i] += (theta[i] - c[i]) / static_cast<float>(batch.sequences);
            }
        }
        return {0, losses(theta, batch)};
    }
    std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) override {
        std::vector<float> losses;
        for (uint32_t s = 0; s < batch.sequences; ++s) {
            const std::vector<float> c = centre(batch, s);
            double sum = 0;
            for (size_t i = 0; i < 64; ++i) {
                sum += 0.5 * static_cast<double>((theta[i] - c[i]) * (theta[i] - c[i]));
            }
            losses.push_back(static_cast<float>(sum));
        }
        return losses;
    }

private:
    static std::vector<float> centre(const TokenBatch& batch, uint32_t sequence) {
        const int32_t token = batch.tokens[size_t{sequence} * (batch.sequence_tokens + 1)];
        CounterRng rng(derive_seed(Digest{}, "centre", {static_cast<uint64_t>(token)}));
        std::vector<float> c(64);
        for (float& x : c) {
            x = 1 + 0.3F * static_cast<float>(rng.normal());
        }
        return c;
    }
    ParameterLayout layout_;
};

TokenBatch tokens_from(uint64_t first, uint32_t sequences) {
    TokenBatch batch{sequences, 1, {}};
    for (uint32_t s = 0; s < sequences; ++s) {
        batch.tokens.push_back(static_cast<int32_t>(first + s));
        batch.tokens.push_back(0);
    }
    return batch;
}

std::vector<TokenBatch> groups_of(uint32_t draw) {
    std::vector<TokenBatch> groups;
    for (uint64_t s = 0; s < 16; ++s) {
        groups.push_back(tokens_from(uint64_t{draw} * 1000 + 10 * s, 4));
    }
    return groups;
}

// A dense payload in the direction of the mean minimum, times `size`.
PeerPayload towards(float size) {
    PeerPayload payload;
    payload.dense.assign(kTileValues, 0.0F);
    std::fill_n(payload.dense.begin(), 64, -size);
    return payload;
}

PeerPayload noise(uint64_t seed) {
    PeerPayload payload = towards(0);
    CounterRng rng(derive_seed(Digest{}, "noise", {seed}));
    // Without any part along the all-ones direction, in which the gradient is steady.
    for (size_t i = 0; i < 64; i += 2) {
        payload.dense[i] = static_cast<float>(rng.normal());
        payload.dense[i + 1] = -payload.dense[i];
    }
    return payload;
}

PeerPayload small_noise(uint64_t seed) {
    PeerPayload payload = noise(seed);
    for (float& x : payload.dense) {
        x *= 0.01F;
    }
    return payload;
}

}  // namespace

TEST_CASE("the t-value is the one of the textbook", "[verify]") {
    const std::vector<double> products = {1, 2, 3, 4};
    const DirectionScore score = direction_score(products, 2);
    CHECK(score.mean == Approx(2.5));
    CHECK(score.t == Approx(2.5 / (std::sqrt(5.0 / 3) / 2)));
    CHECK(score.enters);
    CHECK_FALSE(direction_score(products, 5).enters);
    CHECK(direction_score(std::vector<double>{1, 1}, 2).enters);
    CHECK_FALSE(direction_score(std::vector<double>{-1, -1}, 2).enters);
    CHECK_FALSE(direction_score(std::vector<double>{0, 0}, 0).enters);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_FALSE(direction_score(std::vector<double>{1, nan}, -100).enters);
    const double huge = std::numeric_limits<double>::infinity();
    CHECK_FALSE(direction_score(std::vector<double>{huge, huge}, 2).enters);
}

TEST_CASE("the gate lets descent in, keeps flipped signs and noise out", "[verify]") {
    QuadraticModel model;
    const std::vector<float> theta(kTileValues, 0.0F);
    const std::vector<PeerPayload> payloads = {
        towards(0.1F), towards(-0.1F), towards(0.01F), noise(1)};
    std::vector<const PeerPayload*> refs;
    refs.reserve(payloads.size());
    for (const PeerPayload& payload : payloads) {
        refs.push_back(&payload);
    }
    VerifySettings settings;
    settings.gate_t = 4;  // one noise direction of a fixed sample stays under it
    const GateOutcome outcome = run_direction_gate(model, theta, refs, groups_of, 1, settings);
    CHECK(outcome.draws == 1);
    CHECK_FALSE(outcome.waived);
    CHECK(outcome.scores[0].enters);
    CHECK_FALSE(outcome.scores[1].enters);
    CHECK(outcome.scores[2].enters);
    CHECK_FALSE(outcome.scores[3].enters);
    CHECK(outcome.scores[0].t > 50);
    CHECK(outcome.scores[0].t == Approx(outcome.scores[2].t).epsilon(1e-3));  // scale free
}

TEST_CASE("where most fail twice, nobody is gated", "[verify]") {
    QuadraticModel model;
    const std::vector<float> theta(kTileValues, 0.0F);
    const std::vector<PeerPayload> payloads = {towards(0.1F), towards(-0.1F), towards(-0.2F)};
    std::vector<const PeerPayload*> refs;
    refs.reserve(payloads.size());
    for (const PeerPayload& payload : payloads) {
        refs.push_back(&payload);
    }
    std::vector<uint32_t> draws;
    const GroupSource source = [&](uint32_t draw) {
        draws.push_back(draw);
        return groups_of(draw);
    };
    const GateOutcome outcome = run_direction_gate(model, theta, refs, source, 1, {});
    CHECK(draws == std::vector<uint32_t>{0, 1});
    CHECK(outcome.waived);
    CHECK(outcome.scores[1].enters);
    CHECK(outcome.reason.find("1 of 3") != std::string::npos);
    const GateOutcome nobody = run_direction_gate(model, theta, {}, groups_of, 1, {});
    CHECK(nobody.scores.empty());
}

TEST_CASE("shares on a quadratic loss close, and are the Shapley values", "[verify]") {
    QuadraticModel model;
    const std::vector<float> theta(kTileValues, 0.0F);
    const std::vector<PeerPayload> deltas = {
        towards(0.2F), towards(0.1F), small_noise(3), towards(-0.05F)};
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
        CHECK(std::abs(outcome.closure_error()) < 20000);  // 2e-5 nat of fp32 losses
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
    CHECK(std::abs(outcome.closure_error()) < outcome.measured / 50);
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
