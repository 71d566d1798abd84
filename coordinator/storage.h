// The event loop's way to the disk: a thread that makes records and blobs durable, batch by batch,
// and what waits for it.
//
// The loop pushes what the machine orders and says which blobs have arrived; turn() begins a batch
// whenever none is under way, and says what follows from one that has ended. So a batch is all that
// came while the last one was synced, and no heartbeat, transfer or deadline waits for a disk:
// while one is slow, turn() hands out Stalled, and deadlines move on.
// The loop's thread uses all of it; the thread inside owns the ledger.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "core/job_thread.h"
#include "core/result.h"
#include "ledger/sqlite_ledger.h"
#include "rounds/action_queue.h"
#include "store/blob_store.h"

namespace assay {

class Storage {
public:
    // Opens a ledger that waits for another process which writes to it, says so, and gives up when
    // it is told to.
    using OpenLedger =
        std::function<Result<std::unique_ptr<SqliteLedger>>(SqliteLedgerOptions options)>;

    // To be called once, on any thread, before all but give_up(); the records are read before the
    // first turn. `store` must outlive it.
    Status open(BlobStore& store, const OpenLedger& open_ledger);
    // Waits for the batch that is under way, and closes the ledger.
    void close();
    // REQUIRES: no turn yet.
    [[nodiscard]] const Ledger& ledger() const { return *ledger_; }

    void push(std::vector<Action> actions);
    // A blob is here: `stored` is what the machine is told once it is durable.
    void arrived(const BlobStored& stored);
    // Of other blobs the machine is not told any more.
    void keep_only(const std::set<Digest>& live);

    // Begins a batch if none is under way and something waits for one. Returns what the machine is
    // to be told; fails when the disk does.
    Result<std::vector<Event>> turn(Instant now);
    // The next action that may be performed: what stands before it is durable.
    std::optional<Action> next();
    // The loop stood still until now, and has said so itself.
    void stood_still(Instant now) { told_until_ = now; }

    [[nodiscard]] bool is_busy() const { return busy_; }
    // Whether everything that was pushed is durable and performed.
    [[nodiscard]] bool is_settled() const { return !busy_ && queue_->empty(); }
    // Hash of the ledger's last record. REQUIRES: is_settled().
    [[nodiscard]] Digest head() const;
    // Waits no longer for another process that holds the ledger; on any thread.
    void give_up() { given_up_.store(true); }

private:
    struct Batch {
        std::vector<Digest> blobs;
        std::vector<RecordDraft> records;
    };

    void begin(Instant now);
    void write(const Batch& batch);
    bool wait_on(int64_t waited_ms);

    BlobStore* store_ = nullptr;
    std::unique_ptr<SqliteLedger> ledger_;
    std::optional<ActionQueue> queue_;
    std::vector<BlobStored> waiting_;  // for the next batch
    std::vector<BlobStored> written_;  // in the batch that is under way
    bool busy_ = false;
    Instant told_until_;  // up to when the machine knows that the disk is slow
    std::atomic<bool> given_up_{false};
    std::atomic<uint64_t> durable_height_{0};
    Mailbox<Status> ended_;
    std::unique_ptr<JobThread> thread_;  // last: it uses what stands above
};

}  // namespace assay
