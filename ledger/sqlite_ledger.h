// The ledger in one SQLite file: what the coordinator runs on.
//
// One connection, one writer. journal_mode TRUNCATE (the file is whole by itself: it can be copied,
// and read while a coordinator writes), synchronous FULL; a batch is one transaction and one sync.
// Any number of readers open the file read-only. Not thread-safe: the coordinator's
// event loop owns it.

#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "core/identity.h"
#include "ledger/ledger.h"

struct sqlite3;

namespace assay {

struct SqliteLedgerOptions {
    int64_t pages_max = 0;         // of 4 KiB each: a quota; 0 leaves it to the disk
    int64_t lock_wait_ms = 10000;  // how long to wait for a reader or writer of the same file
};

class SqliteLedger final : public Ledger {
public:
    // Makes the file or opens it for writing; `run` is the manifest's digest. Fails, naming the
    // file, on another schema, run or coordinator, and on a head that does not chain.
    static Result<std::unique_ptr<SqliteLedger>> open(const std::filesystem::path& file,
                                                      const Identity& coordinator,
                                                      const Digest& run,
                                                      SqliteLedgerOptions options = {});
    // Sees the records that were durable when it was opened. append() fails.
    static Result<std::unique_ptr<SqliteLedger>> open_readonly(const std::filesystem::path& file,
                                                               SqliteLedgerOptions options = {});
    ~SqliteLedger() override;
    SqliteLedger(const SqliteLedger&) = delete;
    SqliteLedger& operator=(const SqliteLedger&) = delete;

    Status append(std::vector<RecordDraft> drafts) override;
    [[nodiscard]] Result<std::vector<Record>> read(uint64_t from, uint64_t count) const override;
    [[nodiscard]] uint64_t height() const override { return height_; }
    [[nodiscard]] Digest head() const override { return head_; }

    // What the file says about itself; the records have the last word.
    [[nodiscard]] const Digest& run() const { return run_; }
    [[nodiscard]] const PeerId& coordinator() const { return coordinator_; }

private:
    SqliteLedger(std::filesystem::path file, sqlite3* database);

    Status configure(const SqliteLedgerOptions& options, bool writing);
    Status create_schema(const PeerId& coordinator, const Digest& run);
    Status load_meta();
    Status load_head();
    Status insert(const std::vector<Record>& records);
    Status run_sql(const char* sql);
    [[nodiscard]] Error storage_error(const std::string& doing) const;

    std::filesystem::path file_;
    sqlite3* database_;
    std::optional<Identity> signer_;  // absent: read-only
    Digest run_;
    PeerId coordinator_;
    uint64_t height_ = 0;
    Digest head_;
};

}  // namespace assay
