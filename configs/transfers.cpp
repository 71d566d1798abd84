#include "configs/transfers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <set>

#include "compression/aggregate.h"
#include "compression/payload.h"
#include "core/check.h"
#include "core/tile_strips.h"

namespace assay {

uint64_t payload_bytes_max(const RunConfig& config, const ParameterLayout& layout) {
    return payload_bytes_max(strategy_of(config.outer), layout, config.compression);
}

// As verify/opening.h lays it out, with no two chunks' proofs sharing a node.
uint64_t opening_bytes_max(const RunConfig& config, const ParameterLayout& layout) {
    ASSAY_CHECK(config.inner.inner_steps > 0 && config.inner.sequences_per_step > 0);
    ASSAY_CHECK(config.verify.chain_chunks >= 0 && config.verify.compressor_chunks >= 0);
    constexpr uint64_t kPath = kStripPathLength * Digest::kSize;
    constexpr uint64_t kStrip = kStripValues * sizeof(float) + kPath;
    const auto steps = static_cast<uint64_t>(config.inner.inner_steps);
    const uint64_t tiles = layout.tile_count();
    const auto chunks = std::min(static_cast<uint64_t>(config.verify.compressor_chunks), tiles);
    const auto chain = std::min(static_cast<uint64_t>(config.verify.chain_chunks), chunks);
    const std::set<NumericClass> classes = admitted_classes(config);
    const bool exact = classes == std::set<NumericClass>{NumericClass::kExact};
    const uint64_t followed = (exact ? 1 : 2) * steps;  // theta, and v
    const uint64_t depth = static_cast<uint64_t>(std::bit_width(tiles)) * Digest::kSize;
    const uint64_t sequences =
        static_cast<uint64_t>(config.inner.sequences_per_step * config.rounds.speed_span);
    const uint64_t leaves = 256 + steps * (5 * Digest::kSize + 4 * sequences);
    return leaves + chunks * (kTileValues * sizeof(float) + 2 * kStrip + 4 * depth) +
           chain * ((2 + steps) * (kStrip + depth) + (followed + 2) * (kPath + depth));
}

uint64_t audit_bytes_max(const RunConfig& config, const ParameterLayout& layout) {
    ASSAY_CHECK(config.verify.audit_steps >= 0);
    const std::set<NumericClass> classes = admitted_classes(config);
    const bool exact = classes == std::set<NumericClass>{NumericClass::kExact};
    return static_cast<uint64_t>(config.verify.audit_steps) * (exact ? 1 : 3) *
           layout.value_count() * sizeof(float);
}

uint64_t received_bytes_max(const RunConfig& config, const ParameterLayout& layout) {
    return aggregate_bytes_max(layout, config.compression, is_dense(strategy_of(config.outer)));
}

double peer_disk_bytes(double parameters, double inner_steps) {
    constexpr double kVectors = 12;
    return sizeof(float) * parameters * (inner_steps + kVectors);
}

namespace {

std::string mb(uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.2f MB", static_cast<double>(bytes) / 1e6);
    return text;
}

}  // namespace

std::string evidence_bytes_in_words(const RunConfig& config) {
    const ParameterLayout layout = llama_layout(config.model);
    ASSAY_CHECK(config.pay.verdict_window >= 0);
    return "by what a round was judged stays on the disk for " +
           std::to_string(config.pay.verdict_window) + " rounds (pay.verdict_window): at most " +
           mb(payload_bytes_max(config, layout) + opening_bytes_max(config, layout)) +
           " a peer and round, and " + mb(audit_bytes_max(config, layout)) +
           " more where it is audited";
}

std::string round_bytes_in_words(const RunConfig& config) {
    const ParameterLayout layout = llama_layout(config.model);
    return "a peer of this run sends at most " + mb(payload_bytes_max(config, layout)) +
           " of payload and " + mb(opening_bytes_max(config, layout)) +
           " of openings a round, and " + mb(audit_bytes_max(config, layout)) +
           " more where it is audited";
}

std::string ceiling_fault(const RunConfig& config) {
    const RoundSettings& rounds = config.rounds;
    const ParameterLayout layout = llama_layout(config.model);
    ASSAY_CHECK(rounds.least_uplink_bytes_per_second > 0);
    const double opening =
        static_cast<double>(opening_bytes_max(config, layout) + audit_bytes_max(config, layout));
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
