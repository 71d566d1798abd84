// RoundCheck, shares and the summary: what counts has been committed to, opened and accepted.

#include <algorithm>

#include "ledger/round_check.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

// Who may have one: the books check it.
Status RoundCheck::on(const Place& at, const PayShareBody& share) {
    if (at.head.subject == PeerId{}) {
        return {};
    }
    const CommitFacts* facts = find_commit(at.head.round, at.head.subject);
    return rules_.must(LedgerRule::kShareEvidence,
                       facts == nullptr || share.evidence == facts->evidence,
                       "the share names other evidence than the verdict that lets it in");
}

Status RoundCheck::check_counted(const RoundFacts& round, const CommitFacts& facts) const {
    if (!facts.accepted || !facts.answered || !facts.payload) {
        return rules_.broken(LedgerRule::kSummaryEntries,
                             "counts without payload, opening and accepting verdict");
    }
    const Commit& commit = facts.commit;
    const bool fits =
        commit.manifest_digest == manifest_digest_ && commit.plan_digest == round.plan_digest &&
        commit.ledger_head == round.plan.ledger_head && commit.base_root == round.plan.base_root &&
        commit.e_before_root == facts.line.e_root &&
        commit.numeric_class == facts.line.numeric_class && commit.payload_hash == *facts.payload;
    Status fit = rules_.must(LedgerRule::kCommitFits,
                             fits,
                             "counts although its COMMIT does not fit the plan or the payload");
    if (!fit || terms() == nullptr) {
        return fit;
    }
    const DealtWork* work = work_of(round, facts.line.id);
    if (work != nullptr && work->assignment) {
        Status assigned = mismatch(LedgerRule::kCommitAssignment,
                                   "its assignment",
                                   *work->assignment,
                                   commit.assignment_digest);
        if (!assigned) {
            return assigned;
        }
    }
    for (const uint32_t step : facts.drawn) {
        const bool ordered = std::any_of(facts.jobs.begin(),
                                         facts.jobs.end(),
                                         [&](const auto& job) { return job.second.step == step; });
        if (!ordered) {
            return rules_.broken(LedgerRule::kAuditDraw,
                                 "counts, and step " + std::to_string(step) +
                                     " that the beacon drew is not audited");
        }
    }
    return {};
}

Status RoundCheck::check_entry(const RoundFacts& round, const SummaryEntry& entry) const {
    const auto found = round.commits.find(entry.peer);
    if (found == round.commits.end()) {
        return fail("an entry for peer " + entry.peer.hex() + ", which sent no COMMIT");
    }
    const CommitFacts& facts = found->second;
    if (entry.outcome == CommitOutcome::kLate && facts.payload) {
        return rules_.broken(LedgerRule::kSummaryEntries,
                             "peer " + entry.peer.hex() + " is late, its payload was in time");
    }
    if (facts.unanswered != facts.until.has_value()) {
        return fail("no record says how long the challenge of peer " + entry.peer.hex() +
                    " is open");
    }
    if (entry.outcome == CommitOutcome::kCounted) {
        const Status status = check_counted(round, facts);
        return status ? status : fail("peer " + entry.peer.hex() + ": " + status.reason());
    }
    return {};
}

Status RoundCheck::check_voided(const RoundFacts& round, const RoundSummary& summary) const {
    if (!summary.voided) {
        const bool known = lost_until_ && summary.round <= *lost_until_;
        return rules_.must(LedgerRule::kSummaryVoided,
                           summary.aggregate.size_bytes > 0 && !known,
                           known ? "a round that was not voided, though its draws were known"
                                 : "a round that was not voided, without an aggregate");
    }
    const bool same = summary.theta_root == round.plan.base_root &&
                      summary.accumulator_root == round.plan.accumulator_root &&
                      (!momentum_root_ || summary.momentum_root == *momentum_root_) &&
                      summary.aggregate.size_bytes == 0;
    return rules_.must(
        LedgerRule::kSummaryVoided, same, "theta, E or momentum changed in a voided round");
}

Status RoundCheck::on(const Place& at, const RoundSummary& summary) {
    Result<RoundFacts*> open = open_round(at.head);
    if (!open) {
        return open.error();
    }
    RoundFacts& round = **open;
    if (!round.beacon) {
        return fail("a summary before the beacon");
    }
    const bool bound =
        summary.plan_digest == round.plan_digest && summary.beacon_value == *round.beacon;
    Status status =
        rules_.must(LedgerRule::kSummaryBound, bound, "the summary names another plan or beacon");
    status =
        status
            ? mismatch(
                  LedgerRule::kSummaryBound, "the ledger's head", at.previous, summary.ledger_head)
            : status;
    status = status ? check_height(at, summary.ledger_height) : status;
    status = status ? check_voided(round, summary) : status;
    for (const SummaryEntry& entry : summary.entries) {
        status = status ? check_entry(round, entry) : status;
        if (status) {
            round.commits.at(entry.peer).counted = entry.outcome == CommitOutcome::kCounted;
        }
    }
    if (!status) {
        return status;
    }
    theta_root_ = summary.theta_root;
    accumulator_root_ = summary.accumulator_root;
    momentum_root_ = summary.momentum_root;
    round.summarised = true;
    round.plan.bias1_bits = {};
    round.plan.bias2_bits = {};
    ++rounds_closed_;
    ASSAY_CHECK_EQ(rounds_closed_, current_->value + 1);
    return {};
}

}  // namespace assay
