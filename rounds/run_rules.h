// RoundRules and JudgeSettings of a run, from its settings. Pure.

#pragma once

#include "configs/run_config.h"
#include "rounds/round_rules.h"
#include "verify/round_judge.h"

namespace assay {

// Blobs that the run keeps (RoundRules).
struct KnownStates {
    BlobRef initial_theta;
    BlobRef fresh_moments;
};

// REQUIRES: the settings are in their bounds. sample_count: training samples of the data set.
RoundRules round_rules(const RunConfig& config, const KnownStates& states, uint64_t sample_count);

// What the run's judge goes by, on whatever machine. Counts: samples of the data set.
JudgeSettings judge_settings(const RunConfig& config,
                             const RunManifest& manifest,
                             uint64_t sample_count,
                             uint64_t held_out_count);

}  // namespace assay
