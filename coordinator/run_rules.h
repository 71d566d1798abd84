// RoundRules and limits of a run, from its settings. Pure.

#pragma once

#include "configs/run_config.h"
#include "coordinator/round_rules.h"

namespace assay {

RoundRules round_rules(const RunConfig& config,
                       const BlobRef& initial_theta,
                       uint64_t sample_count);

}  // namespace assay
