// L9: who made the model better. One gradient on held-out sequences gives every peer's share of the
// loss decrease.
//
// Aumann-Shapley values of the step that was applied, by the midpoint rule (one gradient at
// theta - S/2, exact where the loss is quadratic along the step) or two Gauss nodes. Pure apart
// from the model that it is given; owned by the thread that owns that model.

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/gradient_model.h"

namespace assay {

// All in 1e-9 nat per token, so that the ledger holds integers.
struct PayShares {
    std::vector<int64_t> phi;  // one a peer: its part of the loss decrease
    int64_t encoding = 0;      // of S minus the sum of all D_i: what encoding and E held back
    int64_t predicted = 0;     // sum of phi and encoding
    // Loss at theta minus loss at theta - S, on the same sequences. How far the sum is from it is
    // the closure error: it must be small, and that it is small proves nothing.
    int64_t measured = 0;
};

// Writes D_i, peer i's share of the step before encoding, into a buffer of layout size.
using ShareSource = std::function<void(size_t peer, std::span<float> share)>;
// theta: before the step; step: S = Q(u) as applied. nodes: 1 or 2. REQUIRES: both have the
// layout's size, and held_out is not empty.
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
