// Settings of a run file as the modules want them, and figures that follow from them.

#pragma once

#include <filesystem>

#include "core/result.h"

namespace assay {

// How likely a peer that skips half of its steps is to live until its first reward vests.
struct SurvivalFigures {
    uint32_t inner_steps = 0;
    uint32_t audit_steps = 0;  // q
    uint32_t audits = 0;       // rounds whose verdicts come before the first vesting
    double probability = 1;
};
Result<SurvivalFigures> survival_figures(const std::filesystem::path& config);

}  // namespace assay
