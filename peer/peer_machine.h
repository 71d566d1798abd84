// A peer's side of the rounds, as a value: events go in, actions come out.
//
//   kDialing -> kGreeting -> kIdle -> kSyncing -> kTraining -> kSubmitted -> kOpened -> kApplying
//                              ^------------------------------------------------------------'
// Reads no clock, opens no socket, touches no tensor, draws no random number. A lost connection
// goes back to kDialing without losing what was trained: COMMIT, notices and openings are said
// again. Not thread-safe: the peer's event loop owns it.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "peer/coordinator_words.h"
#include "peer/peer_actions.h"
#include "peer/peer_debt.h"
#include "peer/peer_phase.h"
#include "peer/peer_resume.h"
#include "protocol/plan.h"

namespace assay {

struct PeerRules {
    DurationMs retry{3000};      // silence before something is said again
    DurationMs dial_pause{500};  // doubles with every failure, up to dial_pause_max
    DurationMs dial_pause_max{10000};
    DurationMs heartbeat{2000};
    bool class_of_run = false;  // Hello names the run's numeric class, not that of the given one
};

class PeerMachine {
public:
    // `hello` is what it greets with, but for the class where rules.class_of_run is set.
    PeerMachine(PeerId self, PeerId coordinator, Hello hello, PeerRules rules, PeerResume resume);

    // To be called once, before the first step.
    [[nodiscard]] std::vector<PeerAction> start(Instant now);
    // REQUIRES: `now` is not earlier than at the call before.
    [[nodiscard]] std::vector<PeerAction> step(const PeerEvent& event, Instant now);
    // When a PeerTick is due at the latest.
    [[nodiscard]] std::optional<Instant> wake_at() const;

    [[nodiscard]] PeerPhase phase() const { return phase_; }
    [[nodiscard]] const Digest& theta_root() const { return theta_root_; }
    // The round that it is in; none between rounds.
    [[nodiscard]] std::optional<RoundId> round() const;

private:
    using Actions = std::vector<PeerAction>;

    // A round that this peer is in, until its summary was applied.
    struct OwnRound {
        RoundPlan plan;
        Digest plan_digest;
        std::optional<Commit> commit;
        Envelope envelope;
        Digest commit_hash;
        BlobRef payload;
        std::optional<CloseNotice> close;
        std::optional<Beacon> beacon;
        bool opening_asked = false;
        bool owed = false;  // its challenge was not answered in its round
        std::optional<DebtNotice> debt;
        bool committed_before = false;  // the coordinator holds this peer's COMMIT already
        std::optional<OpeningNotice> opening;
        bool silent = false;  // refused or left out: says nothing again in this round
    };

    void on(const ChannelUp& event, Instant now);
    void on(const ChannelDown& event, Instant now);
    void on(const MessageArrived& event, Instant now);
    void on(const BlobReady& event, Instant now);
    void on(const BlobMissing& event, Instant now);
    void on(const RoundTrained& event, Instant now);
    void on(const TrainingProgress& event, Instant now);
    void on(const TrainingFailed& event, Instant now);
    void on(const OpeningBuilt& event, Instant now);
    void on(const OpeningFailed& event, Instant now);
    void on(const AggregateApplied& event, Instant now);
    void on(const ThetaAdopted& event, Instant now);
    void on(const StateNotSaved& event, Instant now);
    void on(const EntryWorkFound& event, Instant now);
    void on(const PeerTick& event, Instant now);
    void on(const PeerStop& event, Instant now);

    void receive(const Welcome& welcome, const Envelope& envelope, Instant now);
    void receive(const Refusal& refusal, const Envelope& envelope, Instant now);
    void receive(const RoundPlan& plan, const Envelope& envelope, Instant now);
    void receive(const CloseNotice& notice, const Envelope& envelope, Instant now);
    void receive(const Beacon& beacon, const Envelope& envelope, Instant now);
    void receive(const RoundSummary& summary, const Envelope& envelope, Instant now);
    void receive(const Goodbye& goodbye, const Envelope& envelope, Instant now);
    void receive(const DebtNotice& notice, const Envelope& envelope, Instant now);
    void receive(const Receipt& receipt, const Envelope& envelope, Instant now);
    // What peers say, and what the program answers itself; a new message is named here or above.
    void receive(const Hello&, const Envelope&, Instant) {}
    void receive(const Commit&, const Envelope&, Instant) {}
    void receive(const PayloadNotice&, const Envelope&, Instant) {}
    void receive(const OpeningNotice&, const Envelope&, Instant) {}
    void receive(const Progress&, const Envelope&, Instant) {}
    void receive(const AuditJob&, const Envelope&, Instant) {}
    void receive(const AuditReport&, const Envelope&, Instant) {}
    void receive(const BlobRequest&, const Envelope&, Instant) {}
    void receive(const BlobPiece&, const Envelope&, Instant) {}
    void receive(const Heartbeat&, const Envelope&, Instant) {}
    void receive(const EvidenceRequest&, const Envelope&, Instant) {}
    void receive(const EvidenceIndex&, const Envelope&, Instant) {}

    void check_between_steps() const;
    void remember(const Message& message, const Envelope& envelope);
    void follow_manifest();
    bool take_element(const Beacon& beacon);
    void say_hello(Instant now);
    void seek_entry();
    void pay_entry_or_end(const Refusal& refusal);
    void say_submission();
    void say_again(Instant now);
    void take_plan(const RoundPlan& plan, Instant now);
    [[nodiscard]] bool begins_anew(const RoundPlan& plan);
    void train_or_sync();
    [[nodiscard]] bool includes(const CloseNotice& notice,
                                const Digest& commit_hash,
                                const Digest& payload_hash) const;
    [[nodiscard]] bool included() const;
    [[nodiscard]] bool continues_chain(const Beacon& beacon) const;
    void open_if_ready();
    void apply_if_ready();
    void give_up_summary(Instant now);
    void finish_summary(Instant now);
    void drop_own_round();
    // peer_machine_debt.cpp: challenges that stay open
    void mark_owed();
    void keep_owed(const OwnRound& round);
    void keep_undecided();
    void answer_if_ready(RoundId round, PeerDebt& debt);
    void say_debts(Instant now);
    void forget_unknown_debts(RoundId done);
    void release(RoundId round);
    [[nodiscard]] bool owes() const;
    [[nodiscard]] std::string cost_of_leaving() const;
    void keep_proof(RoundId round, const Envelope& envelope);
    void drop_blob(const BlobRef& blob);
    void note(std::string text) { out_.push_back(PeerNote{std::move(text)}); }
    void note(RoundId round, const std::string& text) { note(in_words(round) + text); }
    void finish(bool ok, std::string reason, bool try_again = false);

    PeerId self_;
    PeerId coordinator_;
    Hello hello_;
    PeerRules rules_;
    Digest theta_root_;
    std::optional<RunManifest> manifest_;
    Digest manifest_hash_;
    bool run_asks_entry_ = false;  // by its settings
    bool seeking_entry_ = false;   // until it is found, Hello would be refused
    bool entry_found_ = false;     // by this process
    int entry_refused_ = 0;        // since then
    PeerPhase phase_ = PeerPhase::kDialing;
    bool connected_ = false;
    std::optional<OwnRound> own_;
    std::map<RoundId, PeerDebt> debts_;
    std::optional<RoundId> undecided_;  // PeerResume's, until it is known or a later round begins
    CoordinatorWords words_;
    bool draining_ = false;                // asked to stop: only what is owed is finished
    std::optional<RoundPlan> next_plan_;   // came while a summary was being applied
    std::optional<RoundSummary> summary_;  // being applied
    std::optional<std::string> farewell_;  // the run is over, once that is done
    bool aggregate_here_ = false;
    std::optional<RoundId> done_round_;  // newest round whose summary was applied
    Digest done_head_;                   // of the ledger, as the newest summary names it
    bool told_of_older_copy_ = false;    // since the connection was made
    std::optional<Beacon> newest_;       // beacon; its element is last_element_
    bool newest_shown_ = false;          // since the connection was made
    std::optional<RoundId> base_round_;  // the round that theta is the base of
    Digest last_element_;                // of the beacon chain, newest known
    uint64_t last_element_index_ = 0;
    std::optional<Instant> dial_at_;
    std::optional<Instant> say_at_;
    std::optional<Instant> say_debts_at_;
    DurationMs dial_pause_;
    bool started_ = false;
    Actions out_;
};

}  // namespace assay
