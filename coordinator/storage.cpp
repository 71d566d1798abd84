#include "coordinator/storage.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/log.h"

namespace assay {

namespace {

constexpr DurationMs kSlow{50};  // a sync that takes longer is no peer's fault
constexpr int64_t kRemindEveryMs = 30000;

bool closes_round(const std::vector<RecordDraft>& records) {
    return std::any_of(records.begin(), records.end(), [](const RecordDraft& draft) {
        return draft.kind == RecordKind::kSummary || draft.kind == RecordKind::kRunEnd;
    });
}

}  // namespace

Status Storage::open(BlobStore& store, const OpenLedger& open_ledger) {
    ASSAY_CHECK(ledger_ == nullptr);
    store_ = &store;
    SqliteLedgerOptions options;
    options.lock_wait_ms = 1000;
    options.wait_on = [this](int64_t waited_ms) { return wait_on(waited_ms); };
    Result<std::unique_ptr<SqliteLedger>> ledger = open_ledger(std::move(options));
    if (!ledger) {
        return ledger.error();
    }
    ledger_ = std::move(*ledger);
    durable_height_.store(ledger_->height());
    queue_.emplace(ledger_->height());
    thread_ = std::make_unique<JobThread>(1);
    return {};
}

void Storage::close() {
    thread_.reset();
    ledger_.reset();
}

bool Storage::wait_on(int64_t waited_ms) {
    if (waited_ms % kRemindEveryMs == 1000) {
        log_warning("another program writes to the ledger, for " +
                    std::to_string(waited_ms / 1000) +
                    " s now; the run waits until it has ended, and no deadline of a peer runs "
                    "meanwhile");
    }
    return !given_up_.load();
}

void Storage::push(std::vector<Action> actions) {
    queue_->push(std::move(actions));
}

void Storage::arrived(const BlobStored& stored) {
    waiting_.push_back(stored);
}

void Storage::keep_only(const std::set<Digest>& live) {
    for (std::vector<BlobStored>* some : {&waiting_, &written_}) {
        std::erase_if(*some, [&live](const BlobStored& one) { return !live.contains(one.sha256); });
    }
}

Result<std::vector<Event>> Storage::turn(Instant now) {
    std::vector<Event> events;
    if (busy_ && now - told_until_ >= kSlow) {
        events.emplace_back(Stalled{now - std::exchange(told_until_, now)});
    }
    for (const Status& ended : ended_.take_all()) {
        ASSAY_CHECK(busy_);
        busy_ = false;
        if (!ended) {
            return ended.error();
        }
        queue_->durable(durable_height_.load());
        for (const BlobStored& stored : std::exchange(written_, {})) {
            events.emplace_back(stored);
        }
    }
    if (!busy_ && events.empty()) {  // what follows from events belongs into the batch
        begin(now);
    }
    return events;
}

void Storage::begin(Instant now) {
    Batch batch;
    batch.records = queue_->take_records();
    for (const BlobStored& stored : waiting_) {
        batch.blobs.push_back(stored.sha256);
    }
    if (batch.records.empty() && batch.blobs.empty()) {
        return;
    }
    written_ = std::exchange(waiting_, {});
    busy_ = true;
    told_until_ = now;
    const bool taken = thread_->submit([this, batch = std::move(batch)] { write(batch); });
    ASSAY_CHECK(taken);  // one batch at a time
}

// On the thread. Blobs first: no record names what is not durable.
void Storage::write(const Batch& batch) {
    if (Status kept = store_->make_durable(batch.blobs); !kept) {
        ended_.put(
            fail("what peers send cannot be stored, so the run stops here and goes on after "
                 "a restart: " +
                 kept.reason()));
        return;
    }
    if (batch.records.empty()) {
        ended_.put({});
        return;
    }
    if (Status appended = ledger_->append(batch.records); !appended) {
        ended_.put(fail(
            "the ledger cannot be written, so the run stops here and goes on after a restart: " +
            appended.reason()));
        return;
    }
    durable_height_.store(ledger_->height());
    ended_.put({});
    if (closes_round(batch.records)) {
        ledger_->checkpoint();  // while nobody waits for it
    }
}

std::optional<Action> Storage::next() {
    std::optional<ActionQueue::Released> released = queue_->next();
    if (!released) {
        return std::nullopt;
    }
    // Nothing is said, or done, before all that stands in front of it is durable.
    ASSAY_CHECK_LE(released->height, durable_height_.load());
    return std::move(released->action);
}

Digest Storage::head() const {
    ASSAY_CHECK(is_settled());
    return ledger_->head();
}

}  // namespace assay
