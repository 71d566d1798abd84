#include "verify/direction_gate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/check.h"

namespace assay {

namespace {

// products[i][s] = <g_s(theta), q_i>.
std::vector<std::vector<double>> group_products(GradientModel& model,
                                                std::span<const float> theta,
                                                std::span<const TokenBatch> groups,
                                                uint32_t grain_sequences,
                                                std::span<const PeerPayload* const> payloads) {
    std::vector<std::vector<double>> products(payloads.size());
    std::vector<float> g(theta.size());
    for (const TokenBatch& group : groups) {
        model.gradient(theta, group, grain_sequences, g);
        for (size_t i = 0; i < payloads.size(); ++i) {
            products[i].push_back(payload_product(g, *payloads[i]));
        }
    }
    return products;
}

std::vector<DirectionScore> score_draw(GradientModel& model,
                                       std::span<const float> theta,
                                       std::span<const PeerPayload* const> payloads,
                                       const std::vector<TokenBatch>& groups,
                                       uint32_t grain_sequences,
                                       double gate_t) {
    std::vector<DirectionScore> scores;
    for (const std::vector<double>& products :
         group_products(model, theta, groups, grain_sequences, payloads)) {
        scores.push_back(direction_score(products, gate_t));
    }
    return scores;
}

size_t count_entering(const std::vector<DirectionScore>& scores) {
    return static_cast<size_t>(std::count_if(
        scores.begin(), scores.end(), [](const DirectionScore& score) { return score.enters; }));
}

}  // namespace

DirectionScore direction_score(std::span<const double> products, double gate_t) {
    ASSAY_CHECK_LE(size_t{2}, products.size());
    const auto count = static_cast<double>(products.size());
    DirectionScore score;
    for (const double product : products) {
        score.mean += product / count;
    }
    double squares = 0;
    for (const double product : products) {
        squares += (product - score.mean) * (product - score.mean);
    }
    const double error = std::sqrt(squares / (count - 1) / count);
    if (error > 0 || !std::isfinite(score.mean)) {
        score.t = score.mean / error;
    } else if (score.mean != 0) {
        score.t = std::copysign(std::numeric_limits<double>::infinity(), score.mean);
    }
    score.enters = std::isfinite(score.mean) && score.t > gate_t;
    return score;
}

GateOutcome run_direction_gate(GradientModel& model,
                               std::span<const float> theta,
                               std::span<const PeerPayload* const> payloads,
                               const GroupSource& groups,
                               uint32_t grain_sequences,
                               const VerifySettings& settings) {
    ASSAY_CHECK_EQ(theta.size(), model.layout().value_count());
    GateOutcome outcome;
    for (uint32_t draw = 0; draw < 2; ++draw) {
        outcome.draws = draw + 1;
        outcome.scores =
            score_draw(model, theta, payloads, groups(draw), grain_sequences, settings.gate_t);
        ASSAY_CHECK_EQ(outcome.scores.size(), payloads.size());
        const size_t entering = count_entering(outcome.scores);
        if (2 * entering >= payloads.size()) {
            return outcome;
        }
        outcome.reason = "only " + std::to_string(entering) + " of " +
                         std::to_string(payloads.size()) +
                         " payloads passed the direction gate in two draws: nobody is gated";
    }
    outcome.waived = true;
    for (DirectionScore& score : outcome.scores) {
        score.enters = true;
    }
    return outcome;
}

}  // namespace assay
