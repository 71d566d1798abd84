// What an operator should hear of settings that are allowed: which differ from those of a run, and
// which are most likely a slip of the hand.

#pragma once

#include <string>
#include <vector>

#include "configs/run_config.h"

namespace assay {

// "rounds.rounds is 6, was 3; ..."; "" if the two are equal.
std::string changed_settings(const RunConfig& was, const RunConfig& is);

// One sentence each. `data_tokens`: how many the data's tokenizer has; 0 is not known.
std::vector<std::string> likely_slips(const RunConfig& config, uint64_t data_tokens);

}  // namespace assay
