// Learning rates of a round's steps: linear warm-up, then a cosine down to the last round.
//
// Computed once, by the coordinator, and sent as bit patterns in the plan: no other node evaluates
// the cosine. Pure.

#pragma once

#include <cstdint>
#include <vector>

#include "configs/run_config.h"

namespace assay {

// fp32 bit patterns, one for each of the H steps. Step s counts over the whole run, S steps, W of
// them warm-up: rate * (s + 1) / W, then rate * (f + (1 - f) (1 + cos(pi (s - W) / (S - W))) / 2).
std::vector<uint32_t> learning_rates(const InnerSettings& inner, int64_t rounds, RoundId round);

}  // namespace assay
