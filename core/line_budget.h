// How many lines of a log others may cause: some at once, then one in a while, and how many were
// left out. Pure: time in.

#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/clock.h"

namespace assay {

class LineBudget {
public:
    // The line to be logged, if `who` still has one; what was left out before it stands in it.
    // Strangers beyond a number share one budget.
    [[nodiscard]] std::optional<std::string> line(const std::string& who,
                                                  const std::string& text,
                                                  Instant now);

private:
    struct Account {
        Instant since;  // how much of it is left was reckoned
        double lines = 0;
        uint64_t left_out = 0;
    };

    Account& account_of(const std::string& who, Instant now);

    std::map<std::string, Account> accounts_;
    Instant swept_;
};

}  // namespace assay
