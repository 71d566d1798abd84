// The simulated coordinator's process: machine and judge, with a ledger and a store that survive
// it.
//
// Performs actions in order and keeps one judge as long as the process lives, as the real one does;
// compute and transfers take simulated time.
// Single thread; the SimWorld moves its clock.

#pragma once

#include <concepts>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/rng.h"
#include "ledger/memory_ledger.h"
#include "net/loopback.h"
#include "rounds/action_queue.h"
#include "rounds/recompute.h"
#include "rounds/round_machine.h"
#include "simulation/peer_link.h"
#include "simulation/sim_run.h"
#include "simulation/toy_model.h"
#include "store/memory_blob_store.h"
#include "verify/round_judge.h"

namespace assay {

template <typename T, typename... All>
concept OneOf = (std::same_as<T, All> || ...);

class SimCoordinator {
public:
    SimCoordinator(const SimRun& run, const Clock& clock, ServerChannel& channel, PeerLinks peers);

    // Starts, or after a crash starts again from what is durable.
    Status boot();
    // Loses all that is not durable.
    void crash();
    // Messages that arrived, timers that are due, actions that follow.
    Status run_due();
    [[nodiscard]] std::optional<Instant> next_due() const;

    [[nodiscard]] bool running() const { return machine_ != nullptr; }
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] bool crash_due() const { return crash_due_; }
    [[nodiscard]] const RoundMachine& machine() const {
        ASSAY_CHECK(running());
        return *machine_;
    }
    [[nodiscard]] MemoryLedger& ledger() { return ledger_; }
    [[nodiscard]] const MemoryLedger& ledger() const { return ledger_; }
    [[nodiscard]] const MemoryBlobStore& blobs() const { return blobs_; }
    [[nodiscard]] const std::vector<RoundSummary>& summaries() const { return summaries_; }
    // When each round's plan was durable, by the simulation's clock.
    [[nodiscard]] const std::vector<Instant>& opened() const { return opened_; }
    // The first round that its peers held for longer than they may, in words; empty: none.
    [[nodiscard]] const std::string& held_too_long() const { return held_too_long_; }
    [[nodiscard]] uint64_t restarts() const { return restarts_; }
    // Outer steps taken a second time, because their snapshot was lost.
    [[nodiscard]] uint64_t steps_again() const { return steps_again_; }
    // Judges one of the last rounds again, from what is durable and nothing else.
    [[nodiscard]] Result<Recomputed> recompute_round(RoundId round);
    // Blobs that its own judge or auditor asked for and that were gone.
    [[nodiscard]] uint64_t misses() const { return misses_; }

private:
    struct Timer {
        Instant due;
        uint64_t order = 0;
        std::function<std::optional<Event>()> make;
    };
    // What a snapshot holds.
    struct Kept {
        std::vector<float> theta;
        OuterState outer;
    };

    // What is being made durable: all of it is when it ends, and maybe some of it before.
    struct Batch {
        std::vector<RecordDraft> records;
        std::vector<BlobStored> blobs;
        Instant ends;
        Instant told_until;  // up to when the machine knows that it takes long
    };

    Status feed(const Event& event);
    Status settle();
    bool begin_batch();
    Status end_batch();
    Status write_records(const std::vector<RecordDraft>& records);
    Status tell_of_slow_disk();
    void make_durable(const std::vector<BlobStored>& blobs);
    bool dies_here();
    Status on(const Joined&) { return {}; }  // what it says first follows
    Status on(const Left& event) { return feed(PeerGone{event.peer}); }
    Status on(const Incoming& event);
    Status on(const Refused&) { return {}; }

    Status receive(const Incoming& incoming, const Hello& message);
    Status receive(const Incoming& incoming, const Commit& message);
    Status receive(const Incoming& incoming, const PayloadNotice& message);
    Status receive(const Incoming& incoming, const OpeningNotice& message);
    Status receive(const Incoming& incoming, const Progress& message);
    Status receive(const Incoming& incoming, const Goodbye& message);
    Status receive(const Incoming& incoming, const EvidenceRequest& message);
    Status receive(const Incoming& incoming, const Beacon& message);
    // What only a coordinator or an auditor says, and what simulated transfers do without.
    template <OneOf<Welcome,
                    Refusal,
                    RoundPlan,
                    CloseNotice,
                    RoundSummary,
                    AuditJob,
                    AuditReport,
                    BlobRequest,
                    BlobPiece,
                    Heartbeat,
                    DebtNotice,
                    Receipt,
                    EvidenceIndex> T>
    Status receive(const Incoming&, const T&) {
        return {};
    }

    Status perform(const Action& action);
    Status act(const Send& action);
    Status act(const Broadcast& action);
    Status act(const Persist&) { return {}; }  // its records are durable
    Status act(const FetchBlob& action);
    Status act(const JudgeRound& action);
    Status act(const JudgeDebt& action);
    Status act(const RunAudit& action);
    Status act(const KeepBlobs& action);
    Status act(const CloseConnection& action);
    Status act(const Note&) { return {}; }  // for people
    Status act(const RunFinished& action);

    [[nodiscard]] JudgePorts judge_ports();
    // The process' own time (core/clock.h, RunClock), of which records are stamped.
    [[nodiscard]] Instant own_time() const { return clock_.now() + ahead_; }
    void begin_own_time();
    Status restore_machine();
    Status check_order();
    void note_opened(const RoundPlan& plan);
    std::optional<Event> judged(const JudgeRound& order);
    std::optional<Event> audited(const RunAudit& audit);
    Status load_state();
    Status load_state(const Kept& kept, const std::vector<OuterStepAgain>& steps);
    void keep_state(const std::vector<float>& theta, const OuterState& outer);
    void later(int64_t delay_ms, std::function<std::optional<Event>()> make);
    void fetch_slowly(const FetchBlob& wanted, uint64_t bytes_second);
    std::optional<Event> fetched(const FetchBlob& wanted, bool lost);

    const SimRun& run_;
    const Clock& clock_;
    ServerChannel& channel_;
    PeerLinks peers_;
    CounterRng rng_;

    // Durable.
    MemoryLedger ledger_;
    MemoryBlobStore blobs_;
    std::deque<std::pair<Digest, Kept>> snapshots_;  // by theta's root, the newest last
    uint64_t steps_again_ = 0;
    uint64_t misses_ = 0;
    CounterRng wall_rng_;
    std::vector<RoundSummary> summaries_;
    std::vector<Instant> opened_;
    DurationMs longest_round_;  // of the newest plan
    std::string held_too_long_;
    uint64_t restarts_ = 0;
    bool crashed_at_height_ = false;

    // Lost in a crash.
    DurationMs ahead_;  // own_time() less the simulation's
    ToyModel model_;
    std::unique_ptr<RoundMachine> machine_;
    std::unique_ptr<RoundJudge> judge_;
    std::optional<ActionQueue> queue_;
    std::vector<BlobStored> arrived_;  // for the next batch
    std::optional<Batch> batch_;       // under way
    std::vector<Timer> timers_;
    uint64_t timers_made_ = 0;
    std::optional<RoundId> judging_;
    std::pair<uint64_t, RoundPhase> last_phase_{0, RoundPhase::kWaiting};
    std::map<PeerId, SlowLink> slow_links_;
    bool crash_due_ = false;
    bool finished_ = false;
};

}  // namespace assay
