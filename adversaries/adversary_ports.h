// What an attacker has beside what a trainer needs: ways to see more. Each may be empty.

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/result.h"

namespace assay {

struct AdversaryPorts {
    // Tokens of samples of the text by which the run is measured: (count, T + 1).
    std::function<Result<std::vector<int32_t>>(std::span<const uint64_t> samples)> read_held_out;
    // What its key would lose now, in rewards of a round: unvested and deposit, as the books say.
    std::function<double()> at_stake;
};

}  // namespace assay
