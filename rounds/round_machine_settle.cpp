// RoundMachine, what follows from verdicts: pay, summary, late verdicts, the end of the run.

#include <algorithm>

#include "core/check.h"
#include "protocol/codec.h"
#include "rounds/round_machine.h"
#include "verify/judge.h"

namespace assay {

namespace {

const JudgedPeer* find_judged(const RoundJudged& judged, const PeerId& peer) {
    for (const JudgedPeer& one : judged.peers) {
        if (one.verdict.peer == peer) {
            return &one;
        }
    }
    return nullptr;
}

// One verdict a submission, in order of id, all of this round; of a voided one nothing entered; no
// challenge is lost in its round.
bool in_form(const RoundJudged& judged) {
    const PeerId* before = nullptr;
    for (const JudgedPeer& one : judged.peers) {
        if ((before != nullptr && !(*before < one.verdict.peer)) ||
            one.verdict.round != judged.round || (one.entered && judged.voided) ||
            (one.entered && one.verdict.ruling != Ruling::kAccepted) ||
            (one.verdict.layer == Layer::kRefusal && !is_unanswered(one.verdict))) {
            return false;
        }
        before = &one.verdict.peer;
    }
    return true;
}

RecordDraft verdict_draft(const Verdict& verdict) {
    return {RecordKind::kVerdict, verdict.round, verdict.peer, encode_verdict(verdict)};
}

}  // namespace

// Nobody is judged; the round closes and theta stays.
void RoundMachine::void_round(std::string reason, Instant now) {
    const RoundState& round = *state_.current();
    ASSAY_CHECK(phase_ == RoundPhase::kChallenging);
    RoundJudged judged;
    judged.round = round.plan.round;
    judged.voided = true;
    judged.reason = std::move(reason);
    judged.theta = round.plan.theta;
    judged.theta_root = round.plan.base_root;
    judged.accumulator_root = round.plan.accumulator_root;
    const RoundState* before =
        round.plan.round.value == 0 ? nullptr : state_.find(RoundId{round.plan.round.value - 1});
    judged.momentum_root = before != nullptr && before->summary ? before->summary->momentum_root
                                                                : state_.books().zero_root();
    if (before != nullptr && before->summary) {
        judged.loss_before = judged.loss_after = before->summary->loss_after;
    }
    settle(judged, now);
}

void RoundMachine::on(const RoundJudged& event, Instant now) {
    if (phase_ == RoundPhase::kJudging && event.round == state_.round()) {
        settle(event, now);
    }
}

// All of a round's end is one batch: verdicts, pay, summary, and the plan that follows.
void RoundMachine::settle(const RoundJudged& judged, Instant now) {
    ASSAY_CHECK_EQ(judged.round, state_.round());
    ASSAY_CHECK(!state_.current()->summary);  // a settled round is not settled again
    ASSAY_CHECK(in_form(judged));
    enter(RoundPhase::kClosed, now, std::nullopt);
    record_verdicts(judged, now);
    record_pay(judged);
    const RoundSummary summary = make_summary(judged);
    persist({{RecordKind::kSummary, judged.round, {}, encode_body(summary)}});
    ASSAY_CHECK(state_.current()->summary.has_value());
    settle_between_rounds(now);
    const bool goes_on = judged.round.value + 1 < rules_.rounds;
    if (goes_on) {
        const BlobRef theta = judged.voided ? state_.current()->plan.theta : judged.theta;
        const RoundPlan plan = next_plan(judged.round.next(), theta, now);
        persist({{RecordKind::kPlan, plan.round, {}, encode_body(plan)}});
    }
    out_.push_back(Broadcast{summary});
    announce_outcome(judged);
    if (goes_on) {
        announce_plan(now);
    } else if (!state_.open_debts().empty()) {
        note("the run's end waits for " + std::to_string(state_.open_debts().size()) +
             " open challenges, for " + std::to_string(rules_.pay.debt_seconds) + " s at most");
    }
    for (const AuditDone& audit : std::exchange(waiting_audits_, {})) {
        on(audit, now);
    }
    keep_blobs();
}

void RoundMachine::record_verdicts(const RoundJudged& judged, Instant now) {
    const RoundState& round = *state_.current();
    const DurationMs window{rules_.pay.debt_seconds * 1000};
    Drafts drafts;
    for (const JudgedPeer& peer : judged.peers) {
        const auto commit = round.commits.find(peer.verdict.peer);
        if (commit == round.commits.end()) {
            continue;
        }
        const bool owed = is_unanswered(peer.verdict);
        if (!commit->second.opening && !owed) {
            drafts.push_back(make_draft(
                RecordKind::kOpening, judged.round, peer.verdict.peer, OpeningBody{false, {}}));
        }
        drafts.push_back(verdict_draft(peer.verdict));
        if (owed) {
            const BlobRef& tiles = peer.base_tiles;
            const DebtBody debt{now + window, peer.verdict.reason, tiles.sha256, tiles.size_bytes};
            drafts.push_back(make_draft(RecordKind::kDebt, judged.round, peer.verdict.peer, debt));
        }
    }
    for (const auto& [id, commit] : round.commits) {
        if (!is_active(id) && find_judged(judged, id) == nullptr) {
            Verdict verdict;
            verdict.round = judged.round;
            verdict.peer = id;
            verdict.layer = Layer::kIdentity;
            verdict.reason = "ejected in the meantime: " + state_.member(id)->ejected_why;
            drafts.push_back(verdict_draft(verdict));
        }
    }
    for (const AuditJob& job : judged.audits) {
        drafts.push_back({RecordKind::kAuditJob, judged.round, job.peer, encode_body(job)});
    }
    persist(std::move(drafts));
    persist(state_.books().owed_forfeits());
    ASSAY_CHECK(state_.books().owed_forfeits().empty());  // each is owed once
}

void RoundMachine::record_pay(const RoundJudged& judged) {
    const RoundPlan& plan = state_.current()->plan;
    if (!judged.voided) {
        Drafts drafts;
        for (const JudgedPeer& peer : judged.peers) {
            const PlanPeer* planned = find_peer(plan, peer.verdict.peer);
            if (!peer.entered || planned == nullptr) {
                continue;
            }
            PayShareBody share;
            share.phi_nano_nats = clamp_phi(peer.pay_share_nano);
            share.tokens = assigned_tokens(plan, *planned);
            share.evidence = peer.verdict.evidence;
            share.m_root = peer.m_after_root;
            share.v_root = peer.v_after_root;
            share.e_root = peer.e_after_root;
            drafts.push_back(
                make_draft(RecordKind::kPayShare, judged.round, peer.verdict.peer, share));
        }
        PayShareBody encoding;
        encoding.phi_nano_nats = clamp_phi(judged.encoding_pay_share_nano);
        drafts.push_back(make_draft(RecordKind::kPayShare, judged.round, {}, encoding));
        persist(std::move(drafts));
        persist({state_.books().settlement()});
    }
    Drafts rollbacks;
    for (const auto& [round, peer] : judged.taken_back) {
        if (state_.take_backs().count({round, peer}) > 0) {
            rollbacks.push_back(
                make_draft(RecordKind::kRollback,
                           round,
                           peer,
                           RollbackBody{judged.round, "rejected after its share was used"}));
        }
    }
    persist(std::move(rollbacks));
    persist(state_.books().due_vestings());
    ASSAY_CHECK(state_.books().due_vestings().empty());  // what has vested vests no more
}

SummaryEntry RoundMachine::outcome_of(const PeerId& peer,
                                      const CommitState& commit,
                                      const RoundJudged& judged) const {
    SummaryEntry entry;
    entry.peer = peer;
    if (commit.verdict && commit.verdict->ruling == Ruling::kRejected) {
        entry.outcome = CommitOutcome::kRejected;
        entry.reason = commit.verdict->reason + what_it_cost(peer);
    } else if (!commit.payload) {
        entry.outcome = CommitOutcome::kLate;
        entry.reason = "the payload did not come in time";
    } else if (commit.verdict && commit.verdict->ruling == Ruling::kGated) {
        entry.outcome =
            is_unanswered(*commit.verdict) ? CommitOutcome::kOwed : CommitOutcome::kGated;
        entry.reason = commit.verdict->reason;
    } else {
        // What counts has been judged: nothing is in the aggregate unseen.
        ASSAY_CHECK(judged.voided || commit.verdict);
        entry.outcome = judged.voided ? CommitOutcome::kVoided : CommitOutcome::kCounted;
        entry.reason = judged.voided ? judged.reason : commit.verdict->reason;
    }
    return entry;
}

RoundSummary RoundMachine::make_summary(const RoundJudged& judged) const {
    const RoundState& round = *state_.current();
    ASSAY_CHECK(round.beacon.has_value());
    RoundSummary summary;
    summary.round = judged.round;
    summary.voided = judged.voided;
    summary.reason = judged.reason;
    summary.plan_digest = round.plan_digest;
    summary.beacon_value = round.beacon->value;
    summary.aggregate = judged.voided ? BlobRef{} : judged.aggregate;
    summary.theta_root = judged.theta_root;
    summary.accumulator_root = judged.accumulator_root;
    summary.momentum_root = judged.momentum_root;
    summary.ledger_head = state_.head();
    summary.ledger_height = state_.height();
    summary.loss_before = judged.loss_before;
    summary.loss_after = judged.loss_after;
    for (const auto& [peer, commit] : round.commits) {
        summary.entries.push_back(outcome_of(peer, commit, judged));
    }
    ASSAY_CHECK_EQ(summary.entries.size(), round.commits.size());  // each COMMIT hears of itself
    return summary;
}

// The summary is out: audits begin, and whoever was ejected by this round or owes it is told.
void RoundMachine::announce_outcome(const RoundJudged& judged) {
    for (const AuditJob& job : judged.audits) {
        ASSAY_CHECK_EQ(job.round, judged.round);
        out_.push_back(RunAudit{job, 1});
    }
    part_from_ejected();
    for (const OpenDebt& debt : state_.open_debts()) {
        if (debt.round == judged.round && is_connected(debt.peer)) {
            out_.push_back(Send{debt.peer, debt_notice(debt, "not answered in its round")});
        }
    }
}

// ---- late verdicts -------------------------------------------------------------------------

// One pass decides a step; a refusal needs a second auditor who refuses it too.
void RoundMachine::on(const AuditDone& event, Instant) {
    const RoundId id = event.report.round;
    const RoundState* round = state_.find(id);
    const auto found =
        round == nullptr ? decltype(round->audits.end())() : round->audits.find(event.report.job);
    if (round == nullptr || found == round->audits.end() ||
        state_.next_attempt(found->second.job) != event.attempt) {
        return;  // answered before
    }
    ASSAY_CHECK(event.attempt == 1 || event.attempt == 2);
    if (phase_ == RoundPhase::kJudging) {  // what is judged was ordered with this peer in it
        waiting_audits_.push_back(event);
        return;
    }
    const PeerId peer = found->second.job.peer;
    const AuditJob job = found->second.job;
    persist({RecordKind::kAuditReport, id, peer, event.envelope.wire()},
            AuditReportEvent{event.envelope, event.report});
    if (!event.report.pass && event.attempt == 1) {
        out_.push_back(RunAudit{job, 2});
        return;
    }
    round = state_.find(id);
    if (round->audit_pending(peer) || round->late_verdicts.count(peer) > 0) {
        return;
    }
    std::vector<AuditReport> reports;
    for (const auto& [digest, audit] : round->audits) {
        if (audit.job.peer == peer) {
            reports.insert(reports.end(), audit.reports.begin(), audit.reports.end());
        }
    }
    ASSAY_CHECK(!reports.empty() && round->commits.at(peer).verdict);
    const Verdict verdict =
        judge_audits(id, peer, round->commits.at(peer).verdict->evidence, reports, true);
    persist({verdict_draft(verdict)});
    persist(state_.books().owed_forfeits());
    part_from_ejected();
}

// After the last round: once every audit and challenge is answered or lost, what is proven vests,
// deposits go back.
void RoundMachine::end_run_if_settled(Instant now) {
    const RoundState& round = *state_.current();
    if (!round.summary || round.plan.round.value + 1 < rules_.rounds) {
        return;
    }
    lapse_debts(now);
    part_from_ejected();
    if (!state_.pending_audits().empty() || !state_.open_debts().empty()) {
        return;
    }
    persist({make_draft(
        RecordKind::kRunEnd, round.plan.round, {}, RunEndBody{now, "all rounds are done"})});
    persist(state_.books().due_vestings());
    ASSAY_CHECK(state_.books().due_vestings().empty() && check_books(state_.books()).ok());
    out_.push_back(Broadcast{Goodbye{"the run is over"}});
    keep_blobs();
    finished_ = true;
    out_.push_back(RunFinished{true, "all rounds are done and settled"});
}

}  // namespace assay
