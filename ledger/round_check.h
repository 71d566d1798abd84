// Whether a record may follow those before it, but for money: order, roots, beacons, evidence.
//
// Part of ledger_verify. Keeps a round while its COMMITs can still be judged. Pure.

#pragma once

#include <map>
#include <optional>
#include <vector>

#include "ledger/ledger_verify.h"

namespace assay {

class RoundCheck {
public:
    explicit RoundCheck(const LedgerChecks& checks) : checks_(checks) {}

    // To be called with each record before `books` takes it in.
    Status check(const Record& record, const Books& books);
    // To be called after it: forgets rounds in which nothing is open.
    void forget(const Books& books);

    [[nodiscard]] const RunManifest& manifest() const { return manifest_; }
    [[nodiscard]] uint64_t rounds() const { return rounds_closed_; }
    [[nodiscard]] uint64_t signatures() const { return signatures_; }

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
        bool extended = false;
        bool accepted = false;
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

    Status on_run_start(const Record& record);
    Status on_roster(const Record& record);
    Status on_plan(const Record& record, const Books& books);
    Status on_commit(const Record& record);
    Status on_payload(const Record& record);
    Status on_close(const Record& record);
    Status on_beacon(const Record& record);
    Status on_opening(const Record& record);
    Status on_extension(const Record& record);
    Status on_verdict(const Record& record);
    Status on_audit_job(const Record& record);
    Status on_audit_report(const Record& record);
    Status on_summary(const Record& record);

    [[nodiscard]] Status check_roster(const RoundPlan& plan) const;
    [[nodiscard]] Status check_audited(const CommitFacts& facts, const Verdict& verdict) const;
    [[nodiscard]] Status check_counted(const RoundFacts& round,
                                       const PeerId& peer,
                                       const CommitFacts& facts) const;
    Result<RoundFacts*> open_round(const Record& record);
    Result<CommitFacts*> open_commit(const Record& record);
    // A COMMIT that is in the CLOSE of the open round, after its beacon.
    Result<CommitFacts*> challenged_commit(const Record& record);
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
    uint64_t rounds_closed_ = 0;
    uint64_t signatures_ = 0;
};

}  // namespace assay
