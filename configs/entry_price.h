// What a new key pays for its entry, priced in rounds of honest work. Pure.

#pragma once

#include "configs/run_config.h"

namespace assay {

struct EntryPrice {
    double hashes = 0;   // in the mean; 0: nothing is asked
    double seconds = 0;  // at the given rate
    double rounds = 0;   // the same over what a round takes at rounds.default_tokens_per_second
};

// REQUIRES: check_config passed, and a rate above 0: of whoever makes the keys.
EntryPrice entry_price(const RunConfig& config, double hashes_per_second);

}  // namespace assay
