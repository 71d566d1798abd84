// Whether a record may follow those before it, but for money: order, roots, beacons, evidence, and
// what the run file determines.
//
// Part of ledger_verify. Keeps a round while its COMMITs can still be judged. Pure.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "ledger/event.h"
#include "ledger/ledger_checks.h"
#include "ledger/terms_check.h"

namespace assay {

// No more than so many rounds are taken for lost at once: whoever verifies hashes its way back.
constexpr uint64_t kLostRoundsMax = uint64_t{1} << 20;

class RoundCheck {
public:
    // Both outlive it.
    RoundCheck(const LedgerChecks& checks, const RuleBook& rules)
        : checks_(checks), rules_(rules) {}

    // To be called with each record before `books` takes it in.
    Status check(const Record& record, const LedgerEvent& event, const Books& books);
    // To be called after it: forgets rounds in which nothing is open.
    void forget(const Books& books);

    [[nodiscard]] const RunManifest& manifest() const { return manifest_; }
    [[nodiscard]] uint64_t rounds() const { return rounds_closed_; }

private:
    struct JobFacts {
        uint32_t step = 0;
        bool exact = false;
        Digest g_root;
        uint32_t passed = 0;  // reports
        uint32_t failed = 0;
        bool unseen = false;  // a report says that nothing could be recomputed
    };
    struct CommitFacts {
        Commit commit;
        Digest hash;
        PlanPeer line;                  // of the plan
        std::optional<Digest> payload;  // as received
        bool opening = false;           // a record says answered or not
        bool answered = false;
        bool accepted = false;
        bool counted = false;
        bool taken_out = false;               // refuted after that
        bool unanswered = false;              // a verdict says so, for the first time
        std::optional<Instant> until;         // of the debt that follows
        std::optional<OpeningNotice> notice;  // the newest one
        Digest evidence;                      // of the verdict in its round
        std::map<Digest, JobFacts> jobs;
        std::vector<uint32_t> drawn;
    };
    struct RoundFacts {
        RoundPlan plan;
        Digest plan_digest;
        std::optional<Deal> deal;
        std::map<PeerId, CommitFacts> commits;
        std::optional<Digest> close_root;
        std::optional<Digest> beacon;
        bool summarised = false;
    };

    // Where a record stands in the chain, and the books below it.
    struct Place {
        EventHead head;
        uint64_t height = 0;
        Digest previous;  // hash of the record below
        const Books& books;
    };

    Status on(const Place& at, const RunStartEvent& start);
    Status on(const Place& at, const RosterBody& roster);
    Status on(const Place& at, const RoundPlan& plan);
    Status on(const Place& at, const CommitEvent& event);
    Status on(const Place& at, const PayloadBody& payload);
    Status on(const Place& at, const CloseEvent& event);
    Status on(const Place& at, const Beacon& beacon);
    Status on(const Place& at, const OpeningEvent& event);
    Status on(const Place& at, const DebtBody& debt);
    Status on(const Place& at, const Verdict& verdict);
    Status on(const Place& at, const AuditJob& job);
    Status on(const Place& at, const AuditReportEvent& event);
    Status on(const Place& at, const PayShareBody& share);
    Status on(const Place& at, const RoundSummary& summary);
    Status on(const Place& at, const JoinBody& join);
    Status on(const Place& at, const OrderBody& order);
    Status on(const Place& at, const RunEndBody& end);
    // Money: the books check it.
    Status on(const Place&, const SettlementBody&) { return {}; }
    Status on(const Place&, const VestingBody&) { return {}; }
    Status on(const Place&, const ForfeitBody&) { return {}; }
    Status on(const Place&, const RollbackBody&) { return {}; }
    Status on(const Place&, const FeeBody&) { return {}; }

    [[nodiscard]] const RunTerms* terms() const {
        return checks_.terms ? &*checks_.terms : nullptr;
    }
    [[nodiscard]] Status mismatch(LedgerRule rule,
                                  const char* field,
                                  const Digest& expected,
                                  const Digest& found) const;
    // The instant at which a record says that it was made: never before that of one below it.
    Status stamped(Instant at);
    [[nodiscard]] Status check_height(const Place& at, uint64_t said) const;
    Status take_lost(const Place& at, const Beacon& beacon);
    [[nodiscard]] Status check_base(const Place& at, const RoundPlan& plan) const;
    [[nodiscard]] Status check_roster(const RoundPlan& plan) const;
    Status check_terms(const Place& at, const RoundPlan& plan);
    [[nodiscard]] Status check_opening(const OpeningNotice& notice, const CommitFacts& facts) const;
    [[nodiscard]] Status check_basis(const RoundFacts& round,
                                     const CommitFacts& facts,
                                     const Verdict& verdict) const;
    [[nodiscard]] Status check_evidence(const RoundFacts& round,
                                        const CommitFacts& facts,
                                        const Verdict& verdict) const;
    [[nodiscard]] Status check_figures(const Place& at, const Verdict& verdict) const;
    [[nodiscard]] Status check_lapsed(Instant now) const;
    Status check_challenge(const Place& at, CommitFacts& facts, const Verdict& verdict);
    [[nodiscard]] Status check_audited(const CommitFacts& facts, const Verdict& verdict) const;
    [[nodiscard]] Status check_job(const RoundFacts& round,
                                   const CommitFacts& facts,
                                   const AuditJob& job) const;
    [[nodiscard]] Status check_voided(const RoundFacts& round, const RoundSummary& summary) const;
    [[nodiscard]] Status check_entry(const RoundFacts& round, const SummaryEntry& entry) const;
    [[nodiscard]] Status check_counted(const RoundFacts& round, const CommitFacts& facts) const;
    // What goes back to the pool behind the round that was summarised.
    [[nodiscard]] std::vector<SampleRange> returned_ranges(const RoundFacts& round) const;
    // What the plan deals to a peer; null where no deal is known.
    static const DealtWork* work_of(const RoundFacts& round, const PeerId& peer);
    Result<RoundFacts*> open_round(const EventHead& head);
    Result<CommitFacts*> open_commit(const EventHead& head);
    // A COMMIT that is in the CLOSE of the open round, after its beacon, or that owes an answer.
    Result<CommitFacts*> challenged_commit(const EventHead& head);
    CommitFacts* find_commit(RoundId round, const PeerId& peer);

    const LedgerChecks& checks_;
    const RuleBook& rules_;
    RunManifest manifest_;
    Digest manifest_digest_;
    std::map<RoundId, RoundFacts> rounds_;
    std::map<RoundId, RosterBody> rosters_;
    std::optional<RoundId> current_;
    Digest theta_root_;                    // that the next plan starts from
    Digest accumulator_root_;              // zero before round 0
    std::optional<Digest> momentum_root_;  // not known before round 0
    Digest beacon_value_;                  // of the round before
    Digest chain_element_;                 // revealed last, of this history
    std::optional<RoundId> lost_until_;    // whose beacon was revealed in one that was lost
    std::vector<SampleRange> taken_out_;   // refuted after their round, since the last plan
    Instant lapsed_;                       // the latest end of a debt that was said to be over
    uint64_t rounds_closed_ = 0;
    Instant stamp_;  // the newest
};

}  // namespace assay
