#include "configs/transfers.h"

#include <algorithm>
#include <cmath>

#include "compression/payload.h"
#include "core/check.h"
#include "core/merkle.h"

namespace assay {

uint64_t payload_bytes_max(const RunConfig& config, const ParameterLayout& layout) {
    return payload_bytes_max(strategy_of(config.outer), layout, config.compression);
}

// Tiles and their Merkle paths, with room to spare: what an honest opening can have at most.
uint64_t opening_bytes_max(const RunConfig& config, const ParameterLayout& layout) {
    ASSAY_CHECK(config.inner.inner_steps > 0 && config.inner.sequences_per_step > 0);
    ASSAY_CHECK(config.verify.chain_chunks >= 0 && config.verify.compressor_chunks >= 0);
    constexpr uint64_t kTileAndPath = kTileValues * sizeof(float) + 64 * Digest::kSize + 64;
    const auto steps = static_cast<uint64_t>(config.inner.inner_steps);
    const auto chain = static_cast<uint64_t>(config.verify.chain_chunks);
    const auto chunks = static_cast<uint64_t>(config.verify.compressor_chunks) + chain;
    const uint64_t sequences =
        static_cast<uint64_t>(config.inner.sequences_per_step * config.rounds.speed_span);
    const uint64_t leaves = steps * (256 + 4 * sequences);
    return 65536 + leaves + std::min<uint64_t>(chunks, layout.tile_count()) * 4 * kTileAndPath +
           chain * (3 * steps + 6) * kTileAndPath;
}

std::string ceiling_fault(const RunConfig& config) {
    const RoundSettings& rounds = config.rounds;
    const ParameterLayout layout = llama_layout(config.model);
    const std::set<NumericClass> classes = admitted_classes(config);
    const bool exact = classes.size() == 1 && *classes.begin() == NumericClass::kExact;
    ASSAY_CHECK(!classes.empty());
    ASSAY_CHECK(rounds.least_uplink_bytes_per_second > 0 && config.verify.audit_steps >= 0);
    const double states = static_cast<double>(config.verify.audit_steps) * (exact ? 1 : 3) *
                          static_cast<double>(layout.value_count()) * sizeof(float);
    const double opening = static_cast<double>(opening_bytes_max(config, layout)) + states;
    const double bytes = std::max(opening, static_cast<double>(payload_bytes_max(config, layout)));
    const double ms = std::ceil(bytes / static_cast<double>(rounds.least_uplink_bytes_per_second) *
                                (1000.0 + 10.0 * static_cast<double>(rounds.slack_percent))) +
                      static_cast<double>(rounds.grace_ms);
    if (ms <= static_cast<double>(rounds.transfer_ceiling_ms)) {
        return "";
    }
    return "rounds.transfer_ceiling_ms (" + std::to_string(rounds.transfer_ceiling_ms) +
           ") is less than the " + number_text(ms) + " ms that a transfer of " +
           number_text(bytes) + " bytes takes at rounds.least_uplink_bytes_per_second (" +
           std::to_string(rounds.least_uplink_bytes_per_second) +
           ") with slack and grace: raise either, or lower verify.audit_steps";
}

}  // namespace assay
