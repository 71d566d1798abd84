// How much a peer of a run sends in a round at most, and how long that takes on the slowest link
// that the run is made for. Pure; says nothing about what was measured (rounds/deadlines.h).

#pragma once

#include <cstdint>
#include <string>

#include "configs/run_config.h"
#include "protocol/layout.h"

namespace assay {

// Of one payload, by the run's strategy.
uint64_t payload_bytes_max(const RunConfig& config, const ParameterLayout& layout);

// Of an opening without the states of audited steps; and of these.
uint64_t opening_bytes_max(const RunConfig& config, const ParameterLayout& layout);
uint64_t audit_bytes_max(const RunConfig& config, const ParameterLayout& layout);

// Of the aggregate that every peer fetches in a round.
uint64_t received_bytes_max(const RunConfig& config, const ParameterLayout& layout);

// What a peer's folder needs: the gradients of a round until the verdict (4 P H bytes) and a dozen
// vectors of the parameters' size (theta, triples, what is fetched and sent).
double peer_disk_bytes(double parameters, double inner_steps);

// One line for people, of the first three. REQUIRES: check_shape passed.
std::string round_bytes_in_words(const RunConfig& config);

// The same of what a coordinator's disk holds for whoever judges a round again.
std::string evidence_bytes_in_words(const RunConfig& config);

// Why rounds.transfer_ceiling_ms ends an honest transfer at rounds.least_uplink_bytes_per_second;
// "" if it does not. REQUIRES: check_shape passed.
std::string ceiling_fault(const RunConfig& config);

}  // namespace assay
