// RoundRules and limits of a run, from its settings. Pure.

#pragma once

#include "configs/run_config.h"
#include "rounds/round_rules.h"

namespace assay {

// Blobs that the run keeps (RoundRules).
struct KnownStates {
    BlobRef initial_theta;
    BlobRef fresh_moments;
};

// REQUIRES: the settings are in their bounds. sample_count: training samples of the data set.
RoundRules round_rules(const RunConfig& config, const KnownStates& states, uint64_t sample_count);

}  // namespace assay
