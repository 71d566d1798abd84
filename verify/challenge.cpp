#include "verify/challenge.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/rng.h"
#include "core/tile_strips.h"

namespace assay {

namespace {

double usable_energy(double energy) {
    return std::isfinite(energy) && energy > 0 ? energy : 0;
}

bool contains(const std::vector<uint64_t>& values, uint64_t wanted) {
    return std::find(values.begin(), values.end(), wanted) != values.end();
}

// One chunk not in `taken`, in proportion to energy; uniform where no energy is left.
uint64_t draw_by_energy(CounterRng& rng,
                        std::span<const double> energy,
                        const std::vector<uint64_t>& taken) {
    ASSAY_CHECK_LT(taken.size(), energy.size());
    double total = 0;
    for (uint64_t c = 0; c < energy.size(); ++c) {
        total += contains(taken, c) ? 0 : usable_energy(energy[c]);
    }
    double left = rng.unit() * total;
    uint64_t skip = rng.below(energy.size() - taken.size());
    uint64_t last_with_energy = energy.size();
    for (uint64_t c = 0; c < energy.size(); ++c) {
        if (contains(taken, c)) {
            continue;
        }
        if (total == 0) {
            if (skip-- == 0) {
                return c;
            }
        } else if (usable_energy(energy[c]) > 0) {
            last_with_energy = c;
            left -= energy[c];
            if (left < 0) {
                return c;
            }
        }
    }
    ASSAY_CHECK_LT(last_with_energy, energy.size());
    return last_with_energy;  // rounding left a remainder behind the last chunk
}

// A strip of the chunk: in proportion to energy, uniform among the live ones where there is none or
// where `by_energy` is false.
uint32_t draw_strip(CounterRng& rng,
                    const ParameterLayout& layout,
                    uint64_t chunk,
                    std::span<const double> strip_energy,
                    bool by_energy) {
    const uint64_t live = (layout.live_in_tile(chunk) + kStripValues - 1) / kStripValues;
    const uint64_t uniform = rng.below(live);
    double left = rng.unit();
    if (!by_energy || strip_energy.empty()) {
        return static_cast<uint32_t>(uniform);
    }
    const std::span<const double> own = strip_energy.subspan(chunk * kStripsPerTile, live);
    double total = 0;
    for (const double energy : own) {
        total += usable_energy(energy);
    }
    left *= total;
    uint64_t drawn = uniform;
    for (uint64_t strip = 0; strip < live && left >= 0; ++strip) {
        if (usable_energy(own[strip]) > 0) {
            drawn = strip;
            left -= own[strip];
        }
    }
    return static_cast<uint32_t>(drawn);
}

std::vector<double> chunk_energies(std::span<const double> strip_energy, uint64_t tiles) {
    std::vector<double> energies(tiles, 0.0);
    for (size_t i = 0; i < strip_energy.size(); ++i) {
        energies[i / kStripsPerTile] += usable_energy(strip_energy[i]);
    }
    return energies;
}

bool is_subset(const std::vector<uint64_t>& part, const std::vector<uint64_t>& whole) {
    return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

}  // namespace

Digest challenge_seed(const Digest& beacon, const Digest& commit_hash) {
    return sha256("A", beacon.span(), commit_hash.span());
}

// NOLINTNEXTLINE(readability-function-size)
Challenge draw_challenge(const Digest& beacon,
                         const Digest& commit_hash,
                         const ParameterLayout& layout,
                         std::span<const double> strip_energy,
                         const VerifySettings& settings,
                         uint32_t inner_steps,
                         uint32_t audit_ppm) {
    const uint64_t tiles = layout.tile_count();
    ASSAY_CHECK(strip_energy.empty() || strip_energy.size() == tiles * kStripsPerTile);
    const std::vector<double> chunk_energy = chunk_energies(strip_energy, tiles);
    ASSAY_CHECK_LT(uint32_t{0}, inner_steps);
    const Digest seed = challenge_seed(beacon, commit_hash);
    Challenge challenge;

    const auto total = std::min<uint64_t>(static_cast<uint64_t>(settings.compressor_chunks), tiles);
    const uint64_t uniform = (total + 1) / 2;
    CounterRng chunk_rng(derive_seed(seed, "chunks"));
    std::vector<uint64_t> chunks = chunk_rng.distinct(uniform, tiles);
    while (chunks.size() < total) {
        chunks.push_back(draw_by_energy(chunk_rng, chunk_energy, chunks));
    }

    const auto chains = std::min<uint64_t>(static_cast<uint64_t>(settings.chain_chunks), total);
    const uint64_t uniform_chains = std::min((chains + 1) / 2, uniform);
    CounterRng chain_rng(derive_seed(seed, "chain"));
    for (const uint64_t pick : chain_rng.distinct(uniform_chains, uniform)) {
        challenge.chain_chunks.push_back(chunks[pick]);
    }
    for (uint64_t i = uniform; challenge.chain_chunks.size() < chains; ++i) {
        challenge.chain_chunks.push_back(chunks[i]);
    }
    CounterRng strip_rng(derive_seed(seed, "strips"));
    std::vector<std::pair<uint64_t, uint32_t>> strips;
    for (uint64_t i = 0; i < total; ++i) {
        strips.emplace_back(chunks[i],
                            draw_strip(strip_rng, layout, chunks[i], strip_energy, i >= uniform));
    }
    std::sort(strips.begin(), strips.end());
    for (const auto& [chunk, strip] : strips) {
        challenge.compressor_chunks.push_back(chunk);
        challenge.strips.push_back(strip);
    }
    std::sort(challenge.chain_chunks.begin(), challenge.chain_chunks.end());
    ASSAY_CHECK(is_subset(challenge.chain_chunks, challenge.compressor_chunks));

    CounterRng audit_rng(derive_seed(seed, "audit"));
    challenge.audited = audit_rng.below(1000000) < audit_ppm;
    CounterRng step_rng(derive_seed(seed, "steps"));
    const auto steps = std::min<uint64_t>(static_cast<uint64_t>(settings.audit_steps), inner_steps);
    for (const uint64_t step : step_rng.distinct(steps, inner_steps)) {
        challenge.steps.push_back(static_cast<uint32_t>(step));
    }
    return challenge;
}

std::vector<uint64_t> draw_held_out(const Digest& beacon,
                                    std::string_view purpose,
                                    uint32_t draw,
                                    uint64_t count,
                                    uint64_t held_out_count) {
    std::vector<uint64_t> samples;
    if (held_out_count == 0) {
        return samples;
    }
    const KeyedPermutation permutation(derive_seed(beacon, purpose, {draw}), held_out_count);
    for (uint64_t i = 0; i < std::min(count, held_out_count); ++i) {
        samples.push_back(permutation.at(i));
    }
    return samples;
}

}  // namespace assay
