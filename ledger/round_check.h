// Whether a record may follow those before it, but for money: order, roots, beacons, evidence.
//
// Part of ledger_verify. Keeps a round while its COMMITs can still be judged. Pure.

#pragma once

#include <map>
#include <optional>
#include <vector>

#include "ledger/event.h"
#include "ledger/ledger_verify.h"

namespace assay {

class RoundCheck {
public:
    explicit RoundCheck(const LedgerChecks& checks) : checks_(checks) {}

    // To be called with each record before `books` takes it in.
    Status check(const Record& record, const LedgerEvent& event, const Books& books);
    // To be called after it: forgets rounds in which nothing is open.
    void forget(const Books& books);

    [[nodiscard]] const RunManifest& manifest() const { return manifest_; }
    [[nodiscard]] uint64_t rounds() const { return rounds_closed_; }

private:
    struct JobFacts {
        uint32_t step = 0;
        bool passed = false;
        bool failed = false;
    };
    struct CommitFacts {
        Commit commit;
        Digest hash;
        std::optional<Digest> payload;  // as received
        bool opening = false;           // a record says answered or not
        bool answered = false;
        bool accepted = false;
        bool unanswered = false;       // a verdict says so, for the first time
        std::optional<Instant> until;  // of the debt that follows
        std::map<Digest, JobFacts> jobs;
        std::vector<uint32_t> drawn;
    };
    struct RoundFacts {
        RoundPlan plan;
        Digest plan_digest;
        std::map<PeerId, CommitFacts> commits;
        std::optional<Digest> close_root;
        std::optional<Digest> beacon;
        bool summarised = false;
    };

    // Where a record stands in the chain, and the books below it.
    struct Place {
        EventHead head;
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
    Status on(const Place& at, const RoundSummary& summary);
    Status on(const Place& at, const JoinBody& join);
    Status on(const Place& at, const RunEndBody& end);
    // Money: the books check it.
    Status on(const Place&, const PayShareBody&) { return {}; }
    Status on(const Place&, const SettlementBody&) { return {}; }
    Status on(const Place&, const VestingBody&) { return {}; }
    Status on(const Place&, const ForfeitBody&) { return {}; }
    Status on(const Place&, const RollbackBody&) { return {}; }
    Status on(const Place&, const OrderBody&) { return {}; }
    Status on(const Place&, const FeeBody&) { return {}; }

    // The instant at which a record says that it was made: never before that of one below it.
    Status stamped(Instant at);
    [[nodiscard]] Status check_roster(const RoundPlan& plan) const;
    [[nodiscard]] Status check_figures(const Place& at, const Verdict& verdict) const;
    [[nodiscard]] Status check_lapsed(Instant now) const;
    Status check_challenge(const Place& at, CommitFacts& facts, const Verdict& verdict);
    [[nodiscard]] Status check_audited(const CommitFacts& facts, const Verdict& verdict) const;
    [[nodiscard]] Status check_counted(const RoundFacts& round,
                                       const PeerId& peer,
                                       const CommitFacts& facts) const;
    Result<RoundFacts*> open_round(const EventHead& head);
    Result<CommitFacts*> open_commit(const EventHead& head);
    // A COMMIT that is in the CLOSE of the open round, after its beacon, or that owes an answer.
    Result<CommitFacts*> challenged_commit(const EventHead& head);
    CommitFacts* find_commit(RoundId round, const PeerId& peer);

    const LedgerChecks& checks_;
    RunManifest manifest_;
    Digest manifest_digest_;
    std::map<RoundId, RoundFacts> rounds_;
    std::map<RoundId, RosterBody> rosters_;
    std::optional<RoundId> current_;
    Digest theta_root_;        // that the next plan starts from
    Digest accumulator_root_;  // zero before round 0
    Digest beacon_value_;      // of the round before
    Digest chain_element_;     // revealed last
    Instant lapsed_;           // the latest end of a debt that was said to be over
    uint64_t rounds_closed_ = 0;
    Instant stamp_;  // the newest
};

}  // namespace assay
