// What the ledger says about a run, as far as the next decision needs it: a fold of the records.
//
// RoundMachine applies each draft here when it hands it out to be made durable, and restore()
// applies the stored records: the same function, so a restarted coordinator cannot think otherwise.
// Knows no connection, no deadline and no tensor. Owned by RoundMachine.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/bodies.h"
#include "ledger/books.h"
#include "ledger/event.h"
#include "ledger/record.h"
#include "protocol/messages.h"
#include "rounds/round_state.h"

namespace assay {

class RoundCheck;

// One identity, from its join on. What it has earned and what its next round starts from is in
// Books.
struct Member {
    PeerId id;
    NumericClass numeric_class = NumericClass::kFp32;
    RoundId declared_in;               // round of its last JOIN
    uint64_t tokens_per_second = 0;    // in its last counted round; 0 before the first
    std::optional<RoundId> closed_in;  // last round whose CLOSE it is in
    uint32_t missed = 0;               // rounds since then that had it in their roster
    RoundId away_until;                // it kept too many waiting: in no roster before this round
    bool ejected = false;
    std::string ejected_why;
};

class RunState {
public:
    // rounds_kept: how many closed rounds are remembered at least (find).
    RunState(RunManifest manifest, PaySettings pay, uint64_t rounds_kept);

    // Takes a draft in that will be durable, with what it says. Fails on what cannot follow; the
    // state is then of no more use.
    Status apply(const RecordDraft& draft, const LedgerEvent& event);
    // Stored records, from the first on, each read here, in the order that ledger_verify demands;
    // the reason names the one that cannot follow.
    Status apply_all(const std::vector<Record>& records);

    [[nodiscard]] uint64_t rounds_kept() const { return rounds_kept_; }
    [[nodiscard]] bool started() const { return height_ > 0; }
    [[nodiscard]] bool ended() const { return ended_; }
    // The round that runs, or the last one; meaningless before the first plan.
    [[nodiscard]] RoundId round() const { return round_; }
    [[nodiscard]] const RoundState* current() const { return find_if_planned(round_); }
    [[nodiscard]] const RoundState* find(RoundId round) const { return find_if_planned(round); }
    // All rounds remembered, the newest last.
    [[nodiscard]] const std::map<RoundId, RoundState>& rounds() const { return rounds_; }
    // How often the next plan's deadlines are doubled: once more for each round whose CLOSE was
    // empty, once less for each that needed less than half of its time.
    [[nodiscard]] uint32_t doublings() const { return doublings_; }
    [[nodiscard]] const std::vector<RosterLine>* roster(RoundId round) const;
    [[nodiscard]] const Member* member(const PeerId& peer) const;
    [[nodiscard]] const std::map<PeerId, Member>& members() const { return members_; }
    // Its work was in the last round that had it in its roster: a quorum is one of such peers.
    [[nodiscard]] bool is_proven(const PeerId& peer) const;
    // Who takes a place among members: whoever has counted, and whoever came lately; the ejected
    // and those who never counted in all the time since they came do not.
    [[nodiscard]] uint64_t lasting_members() const;
    [[nodiscard]] const std::set<TakenShare>& take_backs() const { return take_backs_; }
    [[nodiscard]] bool take_back_pending(RoundId round) const;
    // The newest closed round that was not voided, if any is remembered.
    [[nodiscard]] const RoundState* last_step() const;
    // Whether its payloads are needed if the last step must be taken again: they are in it, or one
    // of this round's shares was taken out with it.
    [[nodiscard]] bool in_last_step(RoundId round) const;
    // Refuted after their round: their ranges go into the next plan's pool.
    [[nodiscard]] const std::set<TakenShare>& returns() const { return returns_; }
    // Jobs that still need a report; and which auditor is next for one (1 or 2).
    [[nodiscard]] std::vector<AuditJob> pending_audits() const;
    [[nodiscard]] uint32_t next_attempt(const AuditJob& job) const;
    // Challenges that are open, the oldest round first; and one of them, or null.
    [[nodiscard]] std::vector<OpenDebt> open_debts() const;
    [[nodiscard]] const Debt* debt(RoundId round, const PeerId& peer) const;
    [[nodiscard]] const Books& books() const { return books_; }
    // Whether the draws of the round that runs are known from a history that was lost.
    [[nodiscard]] bool draws_known() const;
    // The newest instant at which a record says that it was made.
    [[nodiscard]] Instant last_stamp() const { return last_stamp_; }
    [[nodiscard]] uint64_t height() const { return height_; }  // of the next record
    [[nodiscard]] const Digest& head() const { return head_; }

private:
    [[nodiscard]] const RoundState* find_if_planned(RoundId round) const;
    Status on(const EventHead& head, const RunStartEvent& start);
    Status on(const EventHead& head, const JoinBody& join);
    Status on(const EventHead& head, const RosterBody& roster);
    Status on(const EventHead& head, const RoundPlan& plan);
    Status on(const EventHead& head, const CommitEvent& event);
    Status on(const EventHead& head, const PayloadBody& payload);
    Status on(const EventHead& head, const CloseEvent& event);
    Status on(const EventHead& head, const Beacon& beacon);
    Status on(const EventHead& head, const OpeningEvent& event);
    Status on(const EventHead& head, const DebtBody& debt);
    Status on(const EventHead& head, const OrderBody& order);
    Status on(const EventHead& head, const Verdict& verdict);
    Status on(const EventHead& head, const AuditJob& job);
    Status on(const EventHead& head, const AuditReportEvent& event);
    Status on(const EventHead& head, const RollbackBody& rollback);
    Status on(const EventHead& head, const RoundSummary& summary);
    Status on(const EventHead& head, const RunEndBody& end);
    // The books' business.
    Status on(const EventHead&, const PayShareBody&) { return {}; }
    Status on(const EventHead&, const SettlementBody&) { return {}; }
    Status on(const EventHead&, const VestingBody&) { return {}; }
    Status on(const EventHead&, const ForfeitBody&) { return {}; }
    Status on(const EventHead&, const FeeBody&) { return {}; }

    // The open round, or a COMMIT in it; fails if the event is of another or of nobody's.
    Result<RoundState*> open_round(const EventHead& head);
    Result<CommitState*> open_commit(const EventHead& head, const char* what);
    void note_attendance(const RoundState& round);
    void forget_old_rounds();
    Status apply_stored(const Record& record, RoundCheck& order);
    void note_place(const EventHead& head, const LedgerEvent& event);
    void stamped(Instant at) { last_stamp_ = std::max(last_stamp_, at); }

    RunManifest manifest_;
    PaySettings pay_;
    uint64_t rounds_kept_;
    uint32_t doublings_ = 0;
    bool ended_ = false;
    Instant last_stamp_;
    RoundId round_;
    std::map<PeerId, Member> members_;
    std::map<RoundId, RoundState> rounds_;
    std::map<RoundId, std::vector<RosterLine>> rosters_;
    std::set<TakenShare> take_backs_;
    std::set<TakenShare> returns_;
    Books books_;
    std::optional<RoundId> lost_until_;  // as far as its debts are gone
    uint64_t height_ = 0;
    Digest head_;
};

}  // namespace assay
