// Settings of a run file as the modules want them, and figures that follow from them.

#pragma once

#include <cstdint>

#include "configs/run_config.h"

namespace assay {

// How likely a peer that skips half of its steps is to live until its first reward vests.
struct SurvivalFigures {
    uint32_t inner_steps = 0;
    uint32_t audit_steps = 0;  // q
    uint32_t audit_ppm = 0;    // p: lowest chance of an audit in a round, parts per million
    uint32_t vest_rounds = 0;
    uint32_t audits = 0;  // rounds whose verdicts come before the first vesting
    double probability = 1;
};
SurvivalFigures survival_figures(const RunConfig& run);

}  // namespace assay
