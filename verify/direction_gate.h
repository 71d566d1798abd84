// Who points downhill, and who made the model better: two gradients a round score every peer.
//
// L3, the direction gate: a t-test of <g_s(theta), q_i> over groups of held-out sequences. The
// shares: Aumann-Shapley values of the step that was applied, by the midpoint rule (one gradient at
// theta - S/2, exact where the loss is quadratic along the step) or two Gauss nodes. Pure apart
// from the model that it is given; owned by the thread that owns that model.

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/gradient_model.h"
#include "verify/peer_payload.h"
#include "verify/settings.h"

namespace assay {

struct DirectionScore {
    double mean = 0;  // of <g_s, q_i> over the groups, nats per token
    double t = 0;     // mean / (standard deviation / sqrt(groups)); +-infinity without spread
    bool enters = false;
};

// Sample standard deviation (n - 1). A product that is not finite never enters.
// REQUIRES: at least two products.
DirectionScore direction_score(std::span<const double> products, double gate_t);

// products[i][s] = <g_s(theta), q_i>. One gradient per group, whatever the number of payloads.
std::vector<std::vector<double>> group_products(GradientModel& model,
                                                std::span<const float> theta,
                                                std::span<const TokenBatch> groups,
                                                uint32_t grain_sequences,
                                                std::span<const PeerPayload* const> payloads);

struct GateOutcome {
    std::vector<DirectionScore> scores;  // one a payload, in the order given
    uint32_t draws = 1;
    bool waived = false;  // fewer than half passed twice: nobody is gated, all scores enter
    std::string reason;
};

// Scores of one draw of groups. `groups(0)` is the first draw, `groups(1)` the second, made where
// fewer than half of the payloads pass the first.
using GroupSource = std::function<std::vector<TokenBatch>(uint32_t draw)>;
GateOutcome run_direction_gate(GradientModel& model,
                               std::span<const float> theta,
                               std::span<const PeerPayload* const> payloads,
                               const GroupSource& groups,
                               uint32_t grain_sequences,
                               const VerifySettings& settings);

// All in 1e-9 nat per token, so that the ledger holds integers.
struct PayShares {
    std::vector<int64_t> phi;  // one a peer: its part of the loss decrease
    int64_t encoding = 0;      // of S minus the sum of all D_i: what encoding and E held back
    int64_t predicted = 0;     // sum of phi and encoding
    int64_t measured = 0;      // loss at theta minus loss at theta - S, on the same sequences
    double loss_before = 0;
    double loss_after = 0;

    // Sum of shares against what was measured: necessary, not sufficient.
    [[nodiscard]] int64_t closure_error() const { return predicted - measured; }
};

// Writes D_i, peer i's share of the step before encoding, into a buffer of layout size.
using ShareSource = std::function<void(size_t peer, std::span<float> share)>;
// theta: before the step; step: S = Q(u) as applied, both of layout size. nodes: 1 or 2.
PayShares aumann_shapley(GradientModel& model,
                         std::span<const float> theta,
                         std::span<const float> step,
                         size_t peers,
                         const ShareSource& share,
                         const TokenBatch& held_out,
                         uint32_t grain_sequences,
                         int64_t nodes);

// Rounds to 1e-9 nat; what is not finite counts 0, what is out of range the nearest bound.
int64_t to_nano_nats(double nats);

}  // namespace assay
