// The direction gate, on a loss whose answers are known.
#include "verify/direction_gate.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/support/quadratic_model.h"

namespace assay {

namespace {

std::vector<TokenBatch> groups_of(uint32_t draw) {
    std::vector<TokenBatch> groups;
    for (uint64_t s = 0; s < 16; ++s) {
        groups.push_back(tokens_from(uint64_t{draw} * 1000 + 10 * s, 4));
    }
    return groups;
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

}  // namespace assay
