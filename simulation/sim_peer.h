// A simulated peer's process: machine and trainer, honest or not, with a folder that survives it.
//
// Training takes the simulated time that its speed says; the arithmetic is done when it ends.
// Single thread; the SimWorld moves its clock.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adversaries/adversary_ports.h"
#include "adversaries/strategy_table.h"
#include "core/check.h"
#include "core/rng.h"
#include "net/loopback.h"
#include "peer/peer_machine.h"
#include "peer/trainer.h"
#include "simulation/cheat_tally.h"
#include "simulation/sim_run.h"
#include "simulation/toy_model.h"
#include "store/memory_blob_store.h"

namespace assay {

// What another peer holds, had out of band; null if it is not running.
using Leak = std::function<const TrainerState*(const PeerId& colluder)>;

class SimPeer {
public:
    // strategy: a name of adversaries/strategy_table.h or adversary.h; empty or kHonest for an
    // honest peer. leak: where the one that a copycat copies from hands its triple over; may be
    // empty.
    SimPeer(const SimRun& run,
            const Clock& clock,
            LoopbackNetwork& network,
            const MemoryBlobStore& coordinator_blobs,
            uint64_t number,
            const std::string& strategy,
            Leak leak);

    // What an attacker is told of the books: what it has to lose, in rewards of a round.
    void let_see(std::function<double()> at_stake) { at_stake_ = std::move(at_stake); }
    // Starts from what its folder kept, as a process does; blobs of unfinished rounds are gone.
    void boot();
    // Loses what is not in its folder: machine, chain, the round it was in.
    void crash();
    Status run_due();
    [[nodiscard]] std::optional<Instant> next_due() const;

    [[nodiscard]] bool running() const { return machine_ != nullptr; }
    [[nodiscard]] const PeerId& id() const { return identity_.id(); }
    // The Trainer that it has; empty if it is honest.
    [[nodiscard]] const std::string& attack() const { return attack_; }
    // Null if it is honest, or its Trainer has no row.
    [[nodiscard]] const CheatStrategy* strategy() const { return strategy_; }
    // Of each round that it committed to.
    [[nodiscard]] const std::vector<SimWork>& works() const { return works_; }
    [[nodiscard]] bool honest() const { return attack_.empty(); }
    [[nodiscard]] const MemoryBlobStore& blobs() const { return blobs_; }
    // At which its blobs go out; 0: in a time that is drawn.
    [[nodiscard]] uint64_t bytes_second() const;
    // REQUIRES: running().
    [[nodiscard]] const TrainerState& trained() const {
        ASSAY_CHECK(running());
        return trainer_->state();
    }
    [[nodiscard]] bool crash_due() const { return crash_due_; }
    // How long it is away then.
    [[nodiscard]] DurationMs down() const { return down_; }
    [[nodiscard]] const std::optional<PeerFinished>& finished() const { return finished_; }
    // It was told that it has no place any more.
    [[nodiscard]] bool sent_away() const { return sent_away_; }
    [[nodiscard]] uint64_t restarts() const { return restarts_; }
    [[nodiscard]] uint64_t equivocations() const { return equivocations_; }
    // Blobs that the coordinator named and did not have when they were asked for.
    [[nodiscard]] uint64_t misses() const { return misses_; }
    // Why a round was not trained, if one was not.
    [[nodiscard]] const std::string& untrained() const { return untrained_; }
    // (round, root of theta after it), for each aggregate that this peer applied.
    [[nodiscard]] const std::vector<std::pair<RoundId, Digest>>& applied() const {
        return applied_;
    }

private:
    struct Timer {
        Instant due;
        uint64_t order = 0;
        std::function<std::optional<PeerEvent>()> make;
    };

    void feed(const PeerEvent& event);
    void on(const Connected& event);
    void on(const Disconnected& event);
    void on(const Incoming& event);
    void on(const KeyRefused&) {}  // what only a real network says
    void on(const Unreachable&) {}
    void on(const Refused&) {}

    void perform(const PeerAction& action);
    void act(const Dial& action);
    void act(const Say& action);
    void act(const SaySealed& action);
    void act(const WantBlob& action);
    void act(const PrepareRun& action);
    void act(const FindEntryWork& action);
    void act(const TrainRound& action);
    void act(const AbandonRound& action);
    void act(const BuildOpening& action);
    void act(const ApplyAggregate& action);
    void act(const AdoptTheta& action);
    void act(const ForgetRound& action);
    void act(const OweRound& action);
    void act(const ReleaseRound& action);
    void act(const DropBlob& action);
    void act(const ReportEquivocation& action);
    void act(const KeepHead& action);
    void act(const PeerNote&) {}   // for people
    void act(const KeepProof&) {}  // for disputes
    void act(const PeerFinished& action);

    [[nodiscard]] AdversaryPorts what_it_may();
    void let_move_otherwise(AdversaryPorts& ports);
    [[nodiscard]] Patience patience() const;
    [[nodiscard]] uint64_t speed() const;
    std::optional<PeerEvent> when_it_says(const PeerEvent& event);
    std::optional<PeerEvent> train_now(const RoundPlan& plan);
    void note_work(const RoundPlan& plan, uint64_t computed);
    void maybe_leave();
    void take_leak(const RoundPlan& plan);
    void save_round(RoundId round);
    std::optional<PeerEvent> apply_now(const ApplyAggregate& order);
    std::optional<PeerEvent> open_now(const BuildOpening& asked);
    void later(int64_t delay_ms, std::function<std::optional<PeerEvent>()> make);
    // Behind what its compute thread does already.
    void compute(int64_t took_ms, std::function<std::optional<PeerEvent>()> make);

    const SimRun& run_;
    const Clock& clock_;
    LoopbackNetwork& network_;
    const MemoryBlobStore& coordinator_blobs_;
    const uint64_t number_;
    Identity identity_;
    const CheatStrategy* strategy_;
    std::string attack_;
    Leak leak_;
    std::function<double()> at_stake_;
    CounterRng rng_;
    uint64_t tokens_per_second_;
    uint32_t machine_keys_ = 1;  // that its machine works for
    uint64_t pace_ = 0;          // bytes a second; 0: its link's own
    DurationMs late_by_;         // with what it makes

    // Its folder.
    MemoryBlobStore blobs_;
    std::optional<TrainerState> saved_;
    std::optional<NextTriple> saved_next_;
    std::map<RoundId, TrainerState> saved_owed_;
    std::optional<RunManifest> saved_manifest_;
    std::optional<Envelope> saved_head_;
    std::optional<Envelope> saved_beacon_;
    uint64_t saved_entry_ = 0;
    uint64_t restarts_ = 0;
    uint64_t equivocations_ = 0;
    uint64_t misses_ = 0;
    std::string untrained_;
    std::vector<std::pair<RoundId, Digest>> applied_;
    std::vector<SimWork> works_;
    bool leaving_ = false;  // stops by its own choice

    // Lost in a crash.
    ToyModel model_;
    std::unique_ptr<Trainer> trainer_;
    std::unique_ptr<PeerMachine> machine_;
    std::unique_ptr<ClientChannel> channel_;
    std::vector<Timer> timers_;
    uint64_t timers_made_ = 0;
    Instant busy_until_;
    std::optional<RoundId> training_;
    std::optional<PeerFinished> finished_;
    bool sent_away_ = false;
    bool crash_due_ = false;
    DurationMs down_{900};
};

}  // namespace assay
