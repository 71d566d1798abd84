#include "rounds/run_state.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "ledger/round_check.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/plan.h"

namespace assay {

namespace {

// What the judge says: the machine takes nothing for granted by it.
const std::set<LedgerRule> kJudgesWord = {LedgerRule::kVerdictBasis,
                                          LedgerRule::kVerdictEvidence,
                                          LedgerRule::kAuditState,
                                          LedgerRule::kAuditRoot,
                                          LedgerRule::kAuditVerdict,
                                          LedgerRule::kShareEvidence,
                                          LedgerRule::kSummaryVoided,
                                          LedgerRule::kHeadHeight};

}  // namespace

RunState::RunState(RunManifest manifest, PaySettings pay, uint64_t rounds_kept)
    : manifest_(std::move(manifest)),
      pay_(pay),
      rounds_kept_(std::max<uint64_t>(
          rounds_kept, static_cast<uint64_t>(std::max<int64_t>(pay.verdict_window, 1)) + 1)) {}

bool RunState::take_back_pending(RoundId round) const {
    return std::any_of(take_backs_.begin(), take_backs_.end(), [&](const TakenShare& share) {
        return share.round == round;
    });
}

const RoundState* RunState::last_step() const {
    const auto found = std::find_if(rounds_.rbegin(), rounds_.rend(), [](const auto& entry) {
        return entry.second.summary && !entry.second.summary->voided;
    });
    return found == rounds_.rend() ? nullptr : &found->second;
}

bool RunState::in_last_step(RoundId round) const {
    const RoundState* step = last_step();
    return step != nullptr &&
           (step->plan.round == round ||
            std::any_of(step->taken_back.begin(),
                        step->taken_back.end(),
                        [&](const TakenShare& share) { return share.round == round; }));
}

const RoundState* RunState::find_if_planned(RoundId round) const {
    const auto found = rounds_.find(round);
    return found == rounds_.end() ? nullptr : &found->second;
}

const std::vector<RosterLine>* RunState::roster(RoundId round) const {
    const auto found = rosters_.find(round);
    return found == rosters_.end() ? nullptr : &found->second;
}

const Member* RunState::member(const PeerId& peer) const {
    const auto found = members_.find(peer);
    return found == members_.end() ? nullptr : &found->second;
}

std::vector<AuditJob> RunState::pending_audits() const {
    std::vector<AuditJob> jobs;
    for (const auto& [round, state] : rounds_) {
        for (const auto& [digest, audit] : state.audits) {
            if (!audit.decided()) {
                jobs.push_back(audit.job);
            }
        }
    }
    return jobs;
}

uint32_t RunState::next_attempt(const AuditJob& job) const {
    const RoundState* round = find(job.round);
    if (round == nullptr) {
        return 1;
    }
    const auto found = round->audits.find(audit_job_digest(job));
    return found == round->audits.end() ? 1
                                        : static_cast<uint32_t>(found->second.reports.size()) + 1;
}

std::vector<OpenDebt> RunState::open_debts() const {
    std::vector<OpenDebt> open;
    for (const auto& [id, round] : rounds_) {
        for (const auto& [peer, debt] : round.debts) {
            open.push_back({id, peer, debt.until});
        }
    }
    return open;
}

const Debt* RunState::debt(RoundId round, const PeerId& peer) const {
    const RoundState* of_debt = find(round);
    if (of_debt == nullptr) {
        return nullptr;
    }
    const auto found = of_debt->debts.find(peer);
    return found == of_debt->debts.end() ? nullptr : &found->second;
}

// ---- the fold ------------------------------------------------------------------------------

Status RunState::apply(const RecordDraft& draft, const LedgerEvent& event) {
    const EventHead head = head_of(draft);
    if (Status money = books_.apply(head, event); !money) {
        return money;
    }
    if (Status own = std::visit([&](const auto& one) { return on(head, one); }, event); !own) {
        return own;
    }
    ASSAY_CHECK_EQ(members_.size(), books_.peers().size());
    head_ = head_behind(height_, head_, std::span(&draft, 1));
    note_place(head, event);
    ++height_;
    return {};
}

// Of what a peer handed in: its receipt names the record.
void RunState::note_place(const EventHead& head, const LedgerEvent& event) {
    const auto* opening = std::get_if<OpeningEvent>(&event);
    ReceiptKind kind = ReceiptKind::kOpening;
    if (std::holds_alternative<CommitEvent>(event)) {
        kind = ReceiptKind::kCommit;
    } else if (std::holds_alternative<PayloadBody>(event)) {
        kind = ReceiptKind::kPayload;
    } else if (opening == nullptr || !opening->notice) {
        return;
    }
    ASSAY_CHECK_LT(uint64_t{0}, height_);  // nothing is handed in before a run has started
    CommitState& commit = rounds_.at(head.round).commits.at(head.subject);
    commit.recorded.at(static_cast<size_t>(kind) - 1) = {height_, head_};
}

// Whoever has the coordinator's key can chain and sign anything: that a record may stand where it
// does, as the machine takes for granted, is looked at before it counts.
Status RunState::apply_stored(const Record& record, RoundCheck& order) {
    if ((record.kind == RecordKind::kRunStart) != (height_ == 0)) {
        return fail("run_start stands at height 0 and nowhere else");
    }
    const Result<LedgerEvent> event = decode_record(record);
    if (!event) {
        return event.error();
    }
    if (Status follows = order.check(record, *event, books_); !follows) {
        return follows;
    }
    const RecordDraft draft{record.kind, record.round, record.subject, record.body};
    if (Status applied = apply(draft, *event); !applied) {
        return applied;
    }
    if (record.kind == RecordKind::kSummary) {
        order.forget(books_);
    }
    return {};
}

Status RunState::apply_all(const std::vector<Record>& records) {
    const LedgerChecks checks;
    const RuleBook rules(kJudgesWord);
    RoundCheck order(checks, rules);
    for (const Record& record : records) {
        if (Status applied = apply_stored(record, order); !applied) {
            return fail("ledger record " + std::to_string(record.height) + " (" +
                        record_kind_name(record.kind) + "): " + applied.reason());
        }
        if (head_ != record.hash) {
            return fail("ledger record " + std::to_string(record.height) +
                        " does not have the hash that follows from the records before it");
        }
    }
    return {};
}

Result<RoundState*> RunState::open_round(const EventHead& head) {
    const auto open = rounds_.find(round_);
    if (open == rounds_.end() || head.round != round_ || open->second.summary) {
        return fail("of a round that is not open");
    }
    return &open->second;
}

Result<CommitState*> RunState::open_commit(const EventHead& head, const char* what) {
    Result<RoundState*> round = open_round(head);
    if (!round) {
        return round.error();
    }
    const auto found = (*round)->commits.find(head.subject);
    if (found == (*round)->commits.end()) {
        return fail(std::string(what) + " without a COMMIT");
    }
    return &found->second;
}

Status RunState::on(const EventHead&, const RunStartEvent& start) {
    const bool ours = start.body.manifest == encode_manifest(manifest_) && start.body.pay == pay_;
    return ours ? Status() : fail("the ledger belongs to another run's manifest");
}

Status RunState::on(const EventHead& head, const JoinBody& join) {
    // The books hold an account for each member: a roster and a plan are made from both.
    ASSAY_CHECK(books_.find(head.subject) != nullptr);
    stamped(join.at);
    Member& member = members_[head.subject];
    member.id = head.subject;
    member.numeric_class = join.numeric_class;
    member.declared_in = head.round;  // what it claims of its speed decides nothing
    return {};
}

Status RunState::on(const EventHead& head, const RosterBody& roster) {
    rosters_[head.round] = roster.lines;
    return {};
}

Status RunState::on(const EventHead& head, const RoundPlan& plan) {
    const RoundState* before = current();
    const bool follows = before == nullptr ? plan.round == RoundId{0}
                                           : before->summary && plan.round == round_.next();
    if (!follows || plan.round != head.round) {
        return fail("a plan whose round does not follow");
    }
    stamped(plan.opened_at);
    round_ = plan.round;
    RoundState& round = rounds_[round_];
    round.plan_digest = plan_digest(plan);
    round.plan = plan;
    returns_.clear();
    rosters_.erase(rosters_.begin(), rosters_.upper_bound(round_));
    forget_old_rounds();
    ASSAY_CHECK(current() != nullptr && rounds_.rbegin()->first == round_);
    return {};
}

Status RunState::on(const EventHead& head, const CommitEvent& event) {
    Result<RoundState*> round = open_round(head);
    if (!round) {
        return round.error();
    }
    const auto member = members_.find(head.subject);
    if (member == members_.end()) {
        return fail("a COMMIT of nobody who joined");
    }
    CommitState state;
    state.commit = event.commit;
    state.hash = event.hash;
    if (!(*round)->commits.emplace(head.subject, std::move(state)).second) {
        return fail("a second COMMIT of one peer in one round");
    }
    return {};
}

Status RunState::on(const EventHead& head, const PayloadBody& payload) {
    Result<CommitState*> commit = open_commit(head, "a payload");
    if (!commit) {
        return commit.error();
    }
    (*commit)->payload = BlobRef{payload.sha256, payload.size_bytes, {}};
    (*commit)->payload_at = payload.received_at;
    rounds_[round_].last_payload_at = payload.received_at;
    stamped(payload.received_at);
    return {};
}

Status RunState::on(const EventHead& head, const CloseEvent& event) {
    Result<RoundState*> round = open_round(head);
    if (!round) {
        return round.error();
    }
    (*round)->close = event.close;
    return {};
}

bool RunState::draws_known() const {
    return current() != nullptr && books_.lost_until() && round_ <= *books_.lost_until();
}

// The books, which took it in before, say whether it is that of the open round.
Status RunState::on(const EventHead& head, const Beacon& beacon) {
    if (books_.lost_until() != lost_until_) {
        lost_until_ = books_.lost_until();
        for (auto& [id, round] : rounds_) {
            round.debts.clear();
        }
        return {};
    }
    Result<RoundState*> round = open_round(head);
    if (!round) {
        return round.error();
    }
    (*round)->beacon = beacon;
    return {};
}

Status RunState::on(const EventHead& head, const OpeningEvent& event) {
    if (debt(head.round, head.subject) != nullptr) {
        rounds_[head.round].commits.at(head.subject).opening = event.notice;
        return {};
    }
    Result<CommitState*> commit = open_commit(head, "an opening");
    if (!commit) {
        return commit.error();
    }
    if (event.notice) {
        (*commit)->opening = event.notice;
    }
    return {};
}

Status RunState::on(const EventHead& head, const DebtBody& debt) {
    if (this->debt(head.round, head.subject) != nullptr) {
        Debt& open = rounds_[head.round].debts.at(head.subject);
        open.until = debt.until;
        ++open.extensions;
        return {};
    }
    Result<CommitState*> commit = open_commit(head, "a debt");
    if (!commit) {
        return commit.error();
    }
    const BlobRef tiles{debt.base_tiles, debt.base_tiles_bytes, {}};
    (*commit)->base_tiles = tiles;
    rounds_[round_].debts[head.subject] = {debt.until, tiles, 0};
    return {};
}

Status RunState::on(const EventHead& head, const OrderBody& order) {
    const auto member = members_.find(head.subject);
    if (member == members_.end()) {
        return fail("an order about nobody who joined");
    }
    stamped(order.at);
    const bool expelled = order.kind == OrderKind::kExpel;
    member->second.ejected = expelled;
    member->second.ejected_why = expelled ? "the operator expelled this peer: " + order.reason : "";
    return {};
}

// Of the gates before the summary, of the gradient audits behind it.
Status RunState::on(const EventHead&, const Verdict& verdict) {
    const auto round = rounds_.find(verdict.round);
    const auto member = members_.find(verdict.peer);
    if (round == rounds_.end() || member == members_.end()) {
        return fail("a verdict on a round or a peer that is not known");
    }
    if (verdict.layer == Layer::kRefusal && verdict.ruling == Ruling::kAccepted) {
        round->second.debts.erase(verdict.peer);
        return {};
    }
    const bool late = round->second.summary.has_value();
    if (!late) {
        const auto commit = round->second.commits.find(verdict.peer);
        if (commit == round->second.commits.end()) {
            return fail("a verdict without a COMMIT");
        }
        commit->second.verdict = verdict;
        if (verdict.layer == Layer::kRefusal) {
            commit->second.no_answer = std::exchange(commit->second.opening, std::nullopt);
        }
    } else {
        round->second.late_verdicts[verdict.peer] = verdict;
    }
    if (verdict.ruling != Ruling::kRejected) {
        return {};
    }
    round->second.debts.erase(verdict.peer);
    if (late && round->second.entered(verdict.peer)) {
        take_backs_.insert({verdict.round, verdict.peer});
        returns_.insert({verdict.round, verdict.peer});
    }
    // The books, which took this verdict in before, say whether the identity ends.
    if (books_.find(verdict.peer)->ejected) {
        member->second.ejected_why =
            member->second.ejected ? member->second.ejected_why : verdict.reason;
        member->second.ejected = true;
        for (auto& [id, state] : rounds_) {
            state.debts.erase(verdict.peer);  // there is no more to lose
        }
    }
    return {};
}

Status RunState::on(const EventHead&, const AuditJob& job) {
    if (rounds_.count(job.round) == 0) {
        return fail("an audit of a round that is not known");
    }
    rounds_[job.round].audits[audit_job_digest(job)].job = job;
    return {};
}

Status RunState::on(const EventHead&, const AuditReportEvent& event) {
    const AuditReport& report = event.report;
    const auto round = rounds_.find(report.round);
    if (round == rounds_.end() || round->second.audits.count(report.job) == 0) {
        return fail("an audit report without its job");
    }
    round->second.audits[report.job].reports.push_back(report);
    return {};
}

Status RunState::on(const EventHead& head, const RollbackBody&) {
    take_backs_.erase({head.round, head.subject});
    rounds_[round_].taken_back.push_back({head.round, head.subject});
    return {};
}

Status RunState::on(const EventHead& head, const RoundSummary& summary) {
    Result<RoundState*> open = open_round(head);
    if (!open) {
        return open.error();
    }
    RoundState& round = **open;
    if (!round.beacon) {
        return fail("a summary before its beacon");
    }
    round.summary = summary;
    if (draws_known()) {
        return {};  // nobody could work in it
    }
    note_attendance(round);
    const RoundPlan& plan = round.plan;
    const DurationMs took = round.last_payload_at - plan.opened_at;
    if (round.close && round.close->entry_count == 0) {
        ++doublings_;
    } else if (doublings_ > 0 && 2 * took.ms < (plan.commit_deadline - plan.opened_at).ms) {
        --doublings_;
    }
    return {};
}

Status RunState::on(const EventHead&, const RunEndBody& end) {
    stamped(end.at);
    ended_ = true;
    return {};
}

// Rounds stay while a verdict on them may come, and while their shares may have to be taken out.
void RunState::forget_old_rounds() {
    for (auto it = rounds_.begin(); it != rounds_.end();) {
        const bool young = it->first.value + rounds_kept_ >= round_.value;
        const bool needed = it->second.any_audit_pending() || !it->second.debts.empty() ||
                            take_back_pending(it->first) || in_last_step(it->first);
        it = young || needed ? std::next(it) : rounds_.erase(it);
    }
}

}  // namespace assay
