// L3: who points downhill. A t-test of <g_s(theta), q_i> over groups of held-out sequences: one
// gradient a group scores every peer.
//
// Pure apart from the model that it is given; owned by the thread that owns that model.

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

struct GateOutcome {
    std::vector<DirectionScore> scores;  // one a payload, in the order given
    uint32_t draws = 1;
    bool waived = false;  // fewer than half passed twice: nobody is gated, all scores enter
    std::string reason;
};

// Scores of one draw of groups. `groups(0)` is the first draw, `groups(1)` the second, made where
// fewer than half of the payloads pass the first. One gradient per group, whatever the number of
// payloads. REQUIRES: theta has the layout's size, each draw at least two groups.
using GroupSource = std::function<std::vector<TokenBatch>(uint32_t draw)>;
GateOutcome run_direction_gate(GradientModel& model,
                               std::span<const float> theta,
                               std::span<const PeerPayload* const> payloads,
                               const GroupSource& groups,
                               uint32_t grain_sequences,
                               const VerifySettings& settings);

}  // namespace assay
