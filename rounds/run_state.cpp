#include "rounds/run_state.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr uint32_t kRefusalsMax = 2;  // the second one takes identity and deposit

// A step of an audit is decided by one pass, or by two auditors who both refuse it.
bool decided(const AuditState& audit) {
    return audit.reports.size() >= 2 ||
           std::any_of(audit.reports.begin(), audit.reports.end(), [](const AuditReport& report) {
               return report.pass;
           });
}

}  // namespace

bool proves_cheat(Layer layer) {
    return layer == Layer::kChunkChain || layer == Layer::kGradientAudit ||
           layer == Layer::kCopies || layer == Layer::kAppeal;
}

bool RoundState::audit_pending(const PeerId& peer) const {
    return std::any_of(audits.begin(), audits.end(), [&](const auto& entry) {
        return entry.second.job.peer == peer && !decided(entry.second);
    });
}

bool RoundState::any_audit_pending() const {
    return std::any_of(
        audits.begin(), audits.end(), [](const auto& entry) { return !decided(entry.second); });
}

bool RoundState::entered(const PeerId& peer) const {
    return summary && is_counted(*summary, peer);
}

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
            if (!decided(audit)) {
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

// ---- the fold ------------------------------------------------------------------------------

Status RunState::apply(const RecordDraft& draft) {
    if (Status money = books_.apply(draft); !money) {
        return money;
    }
    if (Status kind = apply_kind(draft); !kind) {
        return kind;
    }
    ASSAY_CHECK_EQ(members_.size(), books_.peers().size());
    head_ = head_behind(height_, head_, std::span(&draft, 1));
    ++height_;
    return {};
}

Status RunState::apply_all(const std::vector<Record>& records) {
    for (const Record& record : records) {
        const RecordDraft draft{record.kind, record.round, record.subject, record.body};
        if (Status applied = apply(draft); !applied) {
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

Status RunState::apply_kind(const RecordDraft& draft) {
    switch (draft.kind) {
        case RecordKind::kRunStart: {
            const Result<RunStartBody> body = RunStartBody::decode(draft.body);
            if (!body || body->manifest != encode_manifest(manifest_) || !(body->pay == pay_)) {
                return fail("the ledger belongs to another run's manifest");
            }
            return {};
        }
        case RecordKind::kJoin:
            return apply_join(draft);
        case RecordKind::kRoster: {
            Result<RosterBody> body = RosterBody::decode(draft.body);
            if (!body) {
                return body.error();
            }
            rosters_[draft.round] = std::move(body->lines);
            return {};
        }
        case RecordKind::kPlan:
            return apply_plan(draft);
        case RecordKind::kVerdict:
            return apply_verdict(draft);
        case RecordKind::kAuditJob:
        case RecordKind::kAuditReport:
            return apply_audit(draft);
        case RecordKind::kRollback:
            take_backs_.erase({draft.round, draft.subject});
            rounds_[round_].taken_back.push_back({draft.round, draft.subject});
            return {};
        case RecordKind::kRunEnd:
            ended_ = true;
            return {};
        case RecordKind::kCommit:
        case RecordKind::kPayload:
        case RecordKind::kClose:
        case RecordKind::kBeacon:
        case RecordKind::kOpening:
        case RecordKind::kExtension:
        case RecordKind::kSummary:
            return apply_to_open_round(draft);
        case RecordKind::kPayShare:
        case RecordKind::kSettlement:
        case RecordKind::kVesting:
        case RecordKind::kForfeit:
        case RecordKind::kFee:
            return {};  // the books' business
    }
    return fail("a record of a kind that is not known");
}

Status RunState::apply_to_open_round(const RecordDraft& draft) {
    const auto open = rounds_.find(round_);
    if (open == rounds_.end() || draft.round != round_ || open->second.summary) {
        return fail("of a round that is not open");
    }
    switch (draft.kind) {
        case RecordKind::kCommit:
            return apply_commit(draft);
        case RecordKind::kPayload:
            return apply_payload(draft);
        case RecordKind::kClose:
            return apply_close(draft);
        case RecordKind::kOpening:
            return apply_opening(draft);
        case RecordKind::kSummary:
            return apply_summary(draft);
        case RecordKind::kExtension:
            open->second.extended.insert(draft.subject);
            return {};
        default:
            break;
    }
    Result<Beacon> beacon = decode_body<Beacon>(draft.body);
    if (!beacon) {
        return beacon.error();
    }
    open->second.beacon = *beacon;
    return {};
}

Status RunState::apply_payload(const RecordDraft& draft) {
    const Result<PayloadBody> body = PayloadBody::decode(draft.body);
    if (!body) {
        return body.error();
    }
    const auto found = rounds_[round_].commits.find(draft.subject);
    if (found == rounds_[round_].commits.end()) {
        return fail("a payload without a COMMIT");
    }
    found->second.payload = BlobRef{body->sha256, body->size_bytes, {}};
    rounds_[round_].last_payload_at = body->received_at;
    return {};
}

Status RunState::apply_join(const RecordDraft& draft) {
    const Result<JoinBody> body = JoinBody::decode(draft.body);
    if (!body) {
        return body.error();
    }
    // The books hold an account for each member: a roster and a plan are made from both.
    ASSAY_CHECK(books_.find(draft.subject) != nullptr);
    Member& member = members_[draft.subject];
    member.id = draft.subject;
    member.numeric_class = body->numeric_class;
    member.declared_in = draft.round;
    member.tokens_per_second = body->tokens_per_second;
    member.uplink_bytes_per_second = body->uplink_bytes_per_second;
    return {};
}

Status RunState::apply_plan(const RecordDraft& draft) {
    Result<RoundPlan> plan = decode_body<RoundPlan>(draft.body);
    if (!plan) {
        return plan.error();
    }
    const RoundState* before = current();
    const bool follows = before == nullptr ? plan->round == RoundId{0}
                                           : before->summary && plan->round == round_.next();
    if (!follows || plan->round != draft.round) {
        return fail("a plan whose round does not follow");
    }
    round_ = plan->round;
    RoundState& round = rounds_[round_];
    round.plan_digest = plan_digest(*plan);
    round.plan = std::move(*plan);
    returns_.clear();
    rosters_.erase(rosters_.begin(), rosters_.upper_bound(round_));
    forget_old_rounds();
    ASSAY_CHECK(current() != nullptr && rounds_.rbegin()->first == round_);
    return {};
}

Status RunState::apply_commit(const RecordDraft& draft) {
    const Result<Envelope> envelope = unseal(draft.body);
    if (!envelope) {
        return envelope.error();
    }
    const Result<Commit> commit = decode_body<Commit>(envelope->body);
    const auto member = members_.find(draft.subject);
    if (!commit || member == members_.end()) {
        return commit ? Status(fail("a COMMIT of nobody who joined")) : commit.error();
    }
    CommitState state;
    state.commit = *commit;
    state.hash = commit_hash(*envelope);
    if (!rounds_[round_].commits.emplace(draft.subject, std::move(state)).second) {
        return fail("a second COMMIT of one peer in one round");
    }
    if (commit->tokens_per_second > 0) {
        member->second.tokens_per_second = commit->tokens_per_second;
    }
    return {};
}

Status RunState::apply_close(const RecordDraft& draft) {
    const Result<CloseBody> body = CloseBody::decode(draft.body);
    if (!body) {
        return body.error();
    }
    const Result<Close> close = decode_close(body->close);
    if (!close) {
        return close.error();
    }
    rounds_[round_].close = *close;
    return {};
}

Status RunState::apply_opening(const RecordDraft& draft) {
    const Result<OpeningBody> body = OpeningBody::decode(draft.body);
    const auto found = rounds_[round_].commits.find(draft.subject);
    if (!body || found == rounds_[round_].commits.end()) {
        return body ? Status(fail("an opening without a COMMIT")) : body.error();
    }
    if (!body->answered) {
        return {};
    }
    const Result<OpeningNotice> notice = decode_body<OpeningNotice>(body->notice);
    if (!notice) {
        return notice.error();
    }
    found->second.opening = *notice;
    return {};
}

// Of the gates before the summary, of the gradient audits behind it.
Status RunState::apply_verdict(const RecordDraft& draft) {
    const Result<Verdict> verdict = decode_verdict(draft.body);
    if (!verdict) {
        return verdict.error();
    }
    const auto round = rounds_.find(verdict->round);
    const auto member = members_.find(verdict->peer);
    if (round == rounds_.end() || member == members_.end()) {
        return fail("a verdict on a round or a peer that is not known");
    }
    if (verdict->suspicious) {
        member->second.suspected = std::max(member->second.suspected, std::optional(round_));
    }
    const bool late = round->second.summary.has_value();
    if (!late) {
        const auto commit = round->second.commits.find(verdict->peer);
        if (commit == round->second.commits.end()) {
            return fail("a verdict without a COMMIT");
        }
        commit->second.verdict = *verdict;
    } else {
        round->second.late_verdicts[verdict->peer] = *verdict;
    }
    if (verdict->ruling != Ruling::kRejected) {
        return {};
    }
    if (late && round->second.entered(verdict->peer)) {
        take_backs_.insert({verdict->round, verdict->peer});
        returns_.insert({verdict->round, verdict->peer});
    }
    member->second.refusals += verdict->layer == Layer::kRefusal ? 1 : 0;
    if (proves_cheat(verdict->layer) || member->second.refusals >= kRefusalsMax) {
        member->second.ejected = true;
        member->second.ejected_why = verdict->reason;
    }
    return {};
}

Status RunState::apply_audit(const RecordDraft& draft) {
    if (draft.kind == RecordKind::kAuditJob) {
        Result<AuditJob> job = decode_body<AuditJob>(draft.body);
        if (!job || rounds_.count(job->round) == 0) {
            return job ? Status(fail("an audit of a round that is not known")) : job.error();
        }
        const Digest digest = audit_job_digest(*job);
        rounds_[job->round].audits[digest].job = std::move(*job);
        return {};
    }
    const Result<Envelope> envelope = unseal(draft.body);
    if (!envelope) {
        return envelope.error();
    }
    const Result<AuditReport> report = decode_body<AuditReport>(envelope->body);
    if (!report) {
        return report.error();
    }
    const auto round = rounds_.find(report->round);
    if (round == rounds_.end() || round->second.audits.count(report->job) == 0) {
        return fail("an audit report without its job");
    }
    round->second.audits[report->job].reports.push_back(*report);
    return {};
}

Status RunState::apply_summary(const RecordDraft& draft) {
    Result<RoundSummary> summary = decode_body<RoundSummary>(draft.body);
    if (!summary) {
        return summary.error();
    }
    RoundState& round = rounds_[round_];
    if (!round.beacon || round.summary) {
        return fail("a summary before its beacon, or a second one");
    }
    round.summary = std::move(*summary);
    const RoundPlan& plan = round.plan;
    const DurationMs took = round.last_payload_at - plan.opened_at;
    if (round.close && round.close->entry_count == 0) {
        ++doublings_;
    } else if (doublings_ > 0 && 2 * took.ms < (plan.commit_deadline - plan.opened_at).ms) {
        --doublings_;
    }
    return {};
}

// Rounds stay while a verdict on them may come, and while their shares may have to be taken out.
void RunState::forget_old_rounds() {
    for (auto it = rounds_.begin(); it != rounds_.end();) {
        const bool young = it->first.value + rounds_kept_ >= round_.value;
        const bool needed = it->second.any_audit_pending() || take_back_pending(it->first) ||
                            in_last_step(it->first);
        it = young || needed ? std::next(it) : rounds_.erase(it);
    }
}

}  // namespace assay
