// The cases of a sweep over settings that decide the loss: `keep=64,96 beta=0.8,0.95` is all four.
//
// Pure: text in, cases out.

#pragma once

#include <string>
#include <vector>

#include "studies/strategy_run.h"

namespace assay {

struct SweepCase {
    StrategyCase one;  // named by what it sets: "keep=96 beta=0.8"
    StrategySizes sizes;
};

// Words KEY=VALUE[,VALUE...]; the product of their values, the last word varying fastest. What no
// word sets is as in `base` and in the defaults of the strategy. A run keeps its steps where
// inner_steps alone varies. Fails with the word that was wrong and what may stand there.
Result<std::vector<SweepCase>> sweep_cases(const std::string& words, const StrategySizes& base);

// One line a key: what it sets. For --help and errors.
std::string sweep_keys();

}  // namespace assay
