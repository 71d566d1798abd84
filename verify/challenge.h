// What is checked of one peer in one round, drawn from the beacon and its COMMIT.
//
// Pure: whoever knows (beacon, COMMIT hash, payload, plan) draws the same. Nobody can know it
// before the beacon is revealed, and a COMMIT cannot be changed after it.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "protocol/layout.h"
#include "verify/settings.h"

namespace assay {

struct Challenge {
    // Increasing; opened with e, theta_H and the compressor's work.
    std::vector<uint64_t> compressor_chunks;
    // Increasing, a subset of the above; opened with the whole gradient chain.
    std::vector<uint64_t> chain_chunks;
    bool audited = false;
    // Increasing, distinct, uniform. Drawn whether audited or not: suspicion may audit later.
    std::vector<uint32_t> steps;
};

// H("A" | beacon | COMMIT hash): the seed of every draw about this peer in this round.
Digest challenge_seed(const Digest& beacon, const Digest& commit_hash);

// chunk_energy: ||q_c||^2 of the payload's chunks, one a tile (payload.h); zeros and bad numbers
// count as no energy. Half of the chunks uniform, half in proportion to energy; audited with
// audit_ppm / 10^6. REQUIRES: one energy a tile, inner_steps > 0.
Challenge draw_challenge(const Digest& beacon,
                         const Digest& commit_hash,
                         const ParameterLayout& layout,
                         std::span<const double> chunk_energy,
                         const VerifySettings& settings,
                         uint32_t inner_steps,
                         uint32_t audit_ppm);

// `count` distinct held-out samples in random order, or all of them if there are fewer.
// draw: 0, 1, ... for repeated draws with the same purpose ("gate", "share").
std::vector<uint64_t> draw_held_out(const Digest& beacon,
                                    std::string_view purpose,
                                    uint32_t draw,
                                    uint64_t count,
                                    uint64_t held_out_count);

}  // namespace assay
