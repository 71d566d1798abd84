// The ledger in one SQLite file: what the coordinator runs on.
//
// One connection, one writer. journal_mode WAL, synchronous FULL: a batch is one transaction and
// one sync, and whoever reads, for as long as he likes, holds up nobody. While a coordinator runs,
// the newest records lie in FILE-wal; checkpoint() moves them into the file, and so does closing,
// which leaves one plain file that any disk may hold. Not thread-safe: one thread at a time owns
// it.

#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "core/identity.h"
#include "ledger/ledger.h"

struct sqlite3;

namespace assay {

struct SqliteLedgerOptions {
    int64_t pages_max = 0;         // of 4 KiB each: a quota; 0 leaves it to the disk
    int64_t lock_wait_ms = 10000;  // how long to wait for another writer of the same file
    // Behind lock_wait_ms it is asked, again and again, whether to wait on, with how long that has
    // lasted. Absent: no.
    std::function<bool(int64_t waited_ms)> wait_on;
};

class SqliteLedger final : public Ledger {
public:
    // Makes the file or opens it for writing; `run` is the manifest's digest. Fails, naming the
    // file, on another schema, run or coordinator, and on a head that does not chain.
    static Result<std::unique_ptr<SqliteLedger>> open(const std::filesystem::path& file,
                                                      const Identity& coordinator,
                                                      const Digest& run,
                                                      SqliteLedgerOptions options = {});
    // Sees the records that were durable when it was opened. append() fails. Needs no right to
    // write, neither to the file nor to its folder.
    static Result<std::unique_ptr<SqliteLedger>> open_readonly(const std::filesystem::path& file,
                                                               SqliteLedgerOptions options = {});
    ~SqliteLedger() override;
    SqliteLedger(const SqliteLedger&) = delete;
    SqliteLedger& operator=(const SqliteLedger&) = delete;

    Status append(std::vector<RecordDraft> drafts) override;
    // Moves records out of FILE-wal into the file, as far as its readers let it; waits for nobody.
    // A copy of the file alone holds what was there at the last one.
    void checkpoint();
    [[nodiscard]] Result<std::vector<Record>> read(uint64_t from, uint64_t count) const override;
    [[nodiscard]] uint64_t height() const override { return height_; }
    [[nodiscard]] Digest head() const override { return head_; }

    // What the file says about itself; the records have the last word.
    [[nodiscard]] const Digest& run() const { return run_; }
    [[nodiscard]] const PeerId& coordinator() const { return coordinator_; }

private:
    SqliteLedger(std::filesystem::path file, sqlite3* database, SqliteLedgerOptions options);

    static int is_busy(void* self, int times);
    Status configure();
    Status load_for_reading();
    [[nodiscard]] bool may_not_write() const;
    Status create_schema(const PeerId& coordinator, const Digest& run);
    Status load_meta();
    Status load_head();
    Status insert(const std::vector<Record>& records);
    Status run_sql(const char* sql);
    [[nodiscard]] Error storage_error(const std::string& doing) const;

    std::filesystem::path file_;
    sqlite3* database_;
    SqliteLedgerOptions options_;
    std::optional<Identity> signer_;  // absent: read-only
    Digest run_;
    PeerId coordinator_;
    uint64_t height_ = 0;
    Digest head_;
};

}  // namespace assay
