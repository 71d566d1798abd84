// What the books still hold for peers: rewards that have not vested, deposits, and why. Pure.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ledger/books.h"

namespace assay {

struct LeftOver {
    PeerId peer;
    std::optional<RoundId> earned_in;  // none: the deposit
    int64_t amount = 0;
    std::string why;  // what it waits for
};

// In order of id and round.
std::vector<LeftOver> left_over(const Books& books);

}  // namespace assay
