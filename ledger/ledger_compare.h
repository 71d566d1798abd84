// Two copies of a run's ledger, held against each other: the same, one the beginning of the other,
// or two histories, with the two signed records that prove it.

#pragma once

#include <optional>
#include <string>

#include "ledger/ledger.h"

namespace assay {

// One record where two ledgers part.
struct PartingRecord {
    Record record;
    PeerId key;              // of the coordinator that the ledger names
    bool is_signed = false;  // its hash follows from its content, and is signed by that key
};

struct LedgerComparison {
    uint64_t records_a = 0;
    uint64_t records_b = 0;
    Digest head_a;
    Digest head_b;
    uint64_t common = 0;  // records that are the same
    // Where both go on, differently.
    std::optional<PartingRecord> a;
    std::optional<PartingRecord> b;

    [[nodiscard]] bool one_history() const { return !a.has_value(); }
    // Whether one coordinator has signed both: it has written two histories.
    [[nodiscard]] bool proves_two_histories() const;
    // For people, in lines of at most 100 columns, with no last newline.
    [[nodiscard]] std::string text() const;
};

// Fails on a ledger that is empty or cannot be read. Does not verify them.
Result<LedgerComparison> compare_ledgers(const Ledger& a, const Ledger& b);

}  // namespace assay
