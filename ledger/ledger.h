// The append-only chain of signed records, behind one interface: memory, SQLite, later PostgreSQL.
//
// Keeps what happened; decides nothing (ledger/books.h folds it, ledger/ledger_verify.h checks
// it). One thread owns it: the coordinator's event loop.

#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ledger/record.h"

namespace assay {

class Ledger {
public:
    virtual ~Ledger() = default;

    // Appends all of `drafts`, in order, or none. Returns when they are durable: whatever is said
    // on their account is said after it. On failure (full disk) the chain ends where it did.
    virtual Status append(std::vector<RecordDraft> drafts) = 0;

    // Records from height `from` on, at most `count`, fewer at the end. Fails on a row that cannot
    // be a record at all; does not check hashes.
    [[nodiscard]] virtual Result<std::vector<Record>> read(uint64_t from, uint64_t count) const = 0;

    // Number of records, and the hash of the last one (zero while there is none).
    [[nodiscard]] virtual uint64_t height() const = 0;
    [[nodiscard]] virtual Digest head() const = 0;
};

constexpr uint64_t kLedgerPage = 256;  // records read at a time

// Calls `visit` with every record in order until it fails; its reason gets the record's height and
// kind in front.
Status for_each_record(const Ledger& ledger, const std::function<Status(const Record&)>& visit);

// A batch without a body too large or a number that storage cannot hold.
Status check_drafts(std::span<const RecordDraft> drafts);

}  // namespace assay
