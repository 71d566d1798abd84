// The life of a run's rounds, as a value: events go in, actions come out.
// Reads no clock, opens no socket, touches no tensor, starts no thread, draws no random number.
//
//   kWaiting -> kGathering -> kUploading -> kChallenging -> kJudging -> kClosed -> next round
//              COMMITs to D1  payloads to D2  CLOSE, beacon,  gates and    summary
//                                             openings to T_c aggregate    durable
//
// Phases only move forward; a round that fails is voided and closes, and a new RoundId opens. What
// is durable is RunState, a fold of the ledger's records; everything else here can be lost with the
// process: restore() goes on inside the round, peers say the rest again. One thread owns it.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rounds/newcomers.h"
#include "rounds/opening_progress.h"
#include "rounds/roster.h"
#include "rounds/round_events.h"
#include "rounds/round_phase.h"
#include "rounds/round_plan.h"
#include "rounds/round_rules.h"
#include "rounds/run_state.h"
#include "rounds/uplinks.h"

namespace assay {

class RoundMachine {
public:
    // A new run. REQUIRES: a ledger without records.
    RoundMachine(RunManifest manifest, RoundRules rules, ChainElement element);
    // After a crash or a stop: from the fold of all records, made with rounds_remembered(rules).
    RoundMachine(RunState state, RunManifest manifest, RoundRules rules, ChainElement element);
    // The same from the records; fails if they belong to another run.
    static Result<RoundMachine> restore(const std::vector<Record>& records,
                                        RunManifest manifest,
                                        RoundRules rules,
                                        ChainElement element);

    // To be called once, before the first step.
    [[nodiscard]] std::vector<Action> start(Instant now);
    // REQUIRES: `now` is not earlier than at the call before.
    [[nodiscard]] std::vector<Action> step(const Event& event, Instant now);
    // When a Tick is due at the latest; nothing happens by time alone before it.
    [[nodiscard]] std::optional<Instant> wake_at() const;

    [[nodiscard]] RoundPhase phase() const { return phase_; }
    [[nodiscard]] RoundId round() const { return state_.round(); }
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] const RunState& state() const { return state_; }
    [[nodiscard]] const Digest& manifest_hash() const { return manifest_hash_; }
    // Said Hello with the run's manifest, and not gone since; members or not yet.
    [[nodiscard]] const std::map<PeerId, Hello>& connected() const { return connected_; }
    // An order is to be obeyed once the round that runs is settled.
    [[nodiscard]] bool orders_wait() const { return !waiting_orders_.empty(); }
    [[nodiscard]] bool is_connected(const PeerId& peer) const { return connected_.count(peer) > 0; }
    // Newest sign of life in this round, for people.
    [[nodiscard]] const std::map<PeerId, Progress>& progress() const { return progress_; }

private:
    using Drafts = std::vector<RecordDraft>;
    void on(const PeerHello& event, Instant now);
    void on(const PeerGone& event, Instant now);
    void on(const CommitArrived& event, Instant now);
    void on(const PayloadNoticed& event, Instant now);
    void on(const OpeningNoticed& event, Instant now);
    void on(const ProgressArrived& event, Instant now);
    void on(const BlobStored& event, Instant now);
    void on(const BlobsMoved& event, Instant now);
    void on(const BlobFailed& event, Instant now);
    void on(const RoundJudged& event, Instant now);
    void on(const AuditDone& event, Instant now);
    void on(const DebtJudged& event, Instant now);
    void on(const OperatorOrder& event, Instant now);
    void on(const EvidenceAsked& event, Instant now);
    void on(const BeaconShown& event, Instant now);
    void on(const Stalled& event, Instant now);
    void on(const Tick& event, Instant now);
    void on(const StopRequested& event, Instant now);

    // round_machine.cpp: members, phases
    void welcome(const PeerHello& event, Instant now);
    [[nodiscard]] bool admit_class(const PeerId& peer, NumericClass declared);
    [[nodiscard]] bool admit_newcomer(const PeerHello& event, Instant now);
    void tell_last_round(const PeerId& peer);
    void advance(Instant now);
    bool advance_once(Instant now);
    void check_between_steps() const;
    void resume(Instant now);
    void enter(RoundPhase phase, Instant now, std::optional<Instant> deadline);
    void persist(Drafts drafts);
    void persist(RecordDraft draft, LedgerEvent event);
    void keep_blobs();
    void refuse(const PeerId& peer,
                RefusalCode code,
                std::string reason,
                Digest expected = {},
                Digest received = {});
    void note(std::string text, const PeerId& by = {});
    [[nodiscard]] std::string what_it_cost(const PeerId& peer) const;
    [[nodiscard]] bool is_active(const PeerId& peer) const;
    [[nodiscard]] bool is_short() const;
    [[nodiscard]] bool passes() const { return is_short() || state_.draws_known(); }
    [[nodiscard]] DurationMs at_least_grace(DurationMs planned) const;
    void leave_grace(DurationMs took, Instant now);
    void enter_transfers(RoundPhase phase, Instant now, DurationMs planned, uint64_t bytes);
    void fetch(const PeerId& from, BlobPurpose purpose, const BlobRef& blob, Instant now);
    void part_from_ejected();
    [[nodiscard]] std::optional<uint64_t> fetched_from(const PeerId& peer) const;
    [[nodiscard]] bool awaits(const std::vector<PeerId>& missing, size_t here, Instant now);
    // round_machine_gather.cpp: COMMITs and payloads; round_machine_evidence.cpp: receipts
    void acknowledge(RoundId round, const PeerId& peer, ReceiptKind kind);
    [[nodiscard]] bool admit_commit(const CommitArrived& event, const Digest& hash);
    bool gather(Instant now);
    bool upload(Instant now);
    // round_machine_challenge.cpp: CLOSE, beacon, openings
    [[nodiscard]] static CloseNotice close_notice(const RoundState& round, const PeerId& peer);
    void close_round(Instant now);
    void reveal(Instant now);
    [[nodiscard]] Status check_opening(const RoundState& round,
                                       const PeerId& peer,
                                       const OpeningNotice& notice) const;
    void store_opening(const PeerId& peer, const OpeningProgress& progress);
    bool challenge(Instant now);
    // round_machine_debt.cpp: challenges that stay open behind their round
    [[nodiscard]] DebtNotice debt_notice(const OpenDebt& debt, std::string reason) const;
    void tell_debts(const PeerId& peer, bool came, Instant now);
    void take_late(const OpeningNoticed& event);
    bool store_late(const BlobStored& event);
    void judge_late(const DebtKey& key, LateOpening& late);
    void settle_debt(const DebtJudged& judged);
    void extend_debts(DurationMs away, Instant now);
    void lapse_debts(Instant now);
    [[nodiscard]] std::optional<Instant> next_lapse() const;
    void obey(const OperatorOrder& order, Instant now);
    void settle_between_rounds(Instant now);
    [[nodiscard]] bool is_lost(const Beacon& beacon) const;  // round_machine_lost.cpp
    void take_lost(const Beacon& beacon);
    // round_machine_settle.cpp: what follows from verdicts
    void void_round(std::string reason, Instant now);
    void settle(const RoundJudged& judged, Instant now);
    void record_verdicts(const RoundJudged& judged, Instant now);
    void record_pay(const RoundJudged& judged);
    [[nodiscard]] SummaryEntry outcome_of(const PeerId& peer,
                                          const CommitState& commit,
                                          const RoundJudged& judged) const;
    [[nodiscard]] RoundSummary make_summary(const RoundJudged& judged) const;
    void announce_outcome(const RoundJudged& judged);
    void end_run_if_settled(Instant now);
    // round_machine_plan.cpp: roster and plan of the next round
    [[nodiscard]] std::vector<Candidate> candidates() const;
    void part_from_newcomers(Instant now);
    [[nodiscard]] uint64_t speed_of(const PeerId& peer) const;
    [[nodiscard]] RecordDraft roster_draft(RoundId round) const;
    [[nodiscard]] RoundPlan next_plan(RoundId round, const BlobRef& theta, Instant now) const;
    [[nodiscard]] PlanPeer plan_peer(const RosterLine& entry, RoundId round) const;
    [[nodiscard]] uint32_t audit_rate(const PeerId& peer,
                                      RoundId round,
                                      uint64_t tokens,
                                      uint64_t total) const;
    void serve_pool(PlanInputs& inputs, const RoundSummary& summary) const;
    void open_first_round(Instant now);
    void announce_plan(Instant now);

    RunManifest manifest_;
    Digest manifest_hash_;
    RoundRules rules_;
    ChainElement element_;
    RunState state_;
    // Lost with the process, and said again by the peers.
    RoundPhase phase_ = RoundPhase::kWaiting;
    std::map<PeerId, Hello> connected_;
    Newcomers newcomers_;  // those of the connected who are no members yet
    std::map<PeerId, Progress> progress_;
    std::set<Digest> fetching_;  // payloads on their way, by peer and hash
    std::map<PeerId, OpeningProgress> openings_;
    std::map<DebtKey, LateOpening> late_;
    std::map<PeerId, Instant> evidence_told_;  // an index is large
    Instant phase_since_;
    std::optional<Instant> deadline_;
    Instant longest_;          // until then at most, a peer that is sending is waited for
    Instant back_by_;          // until then, those whom a restart cut off may come back
    bool grace_runs_ = false;  // the deadline has been drawn in, or must not be
    Uplinks uplinks_;
    Instant gathers_since_;  // this round's COMMITs, as far as is known
    DurationMs gathered_;    // how long they took
    bool started_ = false;
    std::vector<AuditDone> waiting_audits_;      // ended while a round was judged; not recorded yet
    std::vector<DebtJudged> waiting_debts_;      // between two rounds: until then work of that peer
    std::vector<OperatorOrder> waiting_orders_;  // may be judged
    std::optional<Beacon> waiting_lost_;         // shown while a round was judged
    bool finished_ = false;
    std::vector<Action> out_;
};

}  // namespace assay
