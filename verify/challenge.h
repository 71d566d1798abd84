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
    // Increasing; opened with the compressor's work.
    std::vector<uint64_t> compressor_chunks;
    // One a chunk: of what is elementwise (e, theta_H, the chain) this strip of it is opened.
    std::vector<uint32_t> strips;
    // Increasing, a subset of the chunks; opened with the gradient chain.
    std::vector<uint64_t> chain_chunks;
    bool audited = false;
    // Increasing, distinct, uniform. Drawn whether audited or not.
    std::vector<uint32_t> steps;
};

// H("A" | beacon | COMMIT hash): the seed of every draw about this peer in this round.
Digest challenge_seed(const Digest& beacon, const Digest& commit_hash);

// strip_energy: ||q||^2 of the payload's strips (compression/payload.h), none where only the audit
// is asked for; zeros and bad numbers count as no energy. Half of the strips uniform, first a chunk
// and then a strip with live values in it, half in proportion to energy; no chunk twice. Audited
// with audit_ppm / 10^6. REQUIRES: inner_steps > 0, kStripsPerTile energies a tile or none.
Challenge draw_challenge(const Digest& beacon,
                         const Digest& commit_hash,
                         const ParameterLayout& layout,
                         std::span<const double> strip_energy,
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
