// What a verifier found, in words and as values: the first broken rule, what was checked, what was
// not and why, and what the books still hold.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ledger/books.h"
#include "ledger/ledger_rule.h"

namespace assay {

struct BadRecord {
    uint64_t height = 0;
    RecordKind kind = RecordKind::kRunStart;
    LedgerRule rule = LedgerRule::kChain;
    std::string what;
};

struct NotChecked {
    LedgerRule rule = LedgerRule::kChain;
    std::string why;
};

struct VerifyReport {
    uint64_t records = 0;     // good ones, up to the first bad one
    uint64_t rounds = 0;      // with a summary
    uint64_t signatures = 0;  // checked: the coordinator's and the peers'
    Digest head;
    std::optional<BadRecord> bad;
    std::vector<LedgerRule> checked;
    std::vector<NotChecked> not_checked;
    std::optional<uint64_t> rounds_planned;  // by the run file
    Books books;                             // after the last good record

    // Nothing is wrong as far as was looked.
    [[nodiscard]] bool ok() const { return !bad.has_value(); }
    [[nodiscard]] bool complete() const { return ok() && not_checked.empty(); }
    // "the run is over", or how far it is.
    [[nodiscard]] std::string state_in_words() const;
    // One line that says how it ended, then what was checked, what was not, and what is left; no
    // line over 100 columns, no last newline.
    [[nodiscard]] std::string text() const;
};

}  // namespace assay
