#include "rounds/round_again.h"

#include <algorithm>

#include "core/check.h"
#include "ledger/event.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "rounds/judge_orders.h"
#include "rounds/recollect.h"
#include "rounds/retention.h"

namespace assay {

namespace {

// Verdicts, and what is recorded in one batch with them: from the first of these on, the round was
// judged.
bool is_of_judgement(const Record& record, RoundId round) {
    if (record.round != round) {
        return false;
    }
    if (record.kind == RecordKind::kOpening) {
        const Result<OpeningBody> opening = OpeningBody::decode(record.body);
        return opening && !opening->answered;
    }
    return record.kind == RecordKind::kVerdict || record.kind == RecordKind::kSummary;
}

Status no_such_round(RoundId round, const RunState& state) {
    const std::string last = state.current() == nullptr
                                 ? "it has no round"
                                 : "its last one is " + in_words(state.round());
    return fail("the ledger has no " + in_words(round) + " that is closed; " + last);
}

}  // namespace

Result<RoundAgain> RoundAgain::read(const Ledger& ledger,
                                    const RunManifest& manifest,
                                    const PaySettings& pay,
                                    const VerifySettings& verify,
                                    RoundId round) {
    Result<std::vector<Record>> records = ledger.read(0, ledger.height());
    if (!records) {
        return records.error();
    }
    const auto behind = std::find_if(records->begin(), records->end(), [&](const Record& record) {
        return is_of_judgement(record, round);
    });
    const std::vector<Record> judged(behind, records->end());
    records->erase(behind, records->end());
    RoundAgain again;
    // Its state may have to be reached from the run's first one.
    const uint64_t kept = std::max(rounds_remembered(verify, pay), round.value + 1);
    again.before = std::make_unique<RunState>(manifest, pay, kept);
    if (Status applied = again.before->apply_all(*records); !applied) {
        return applied.error();
    }
    const RoundState* state = again.before->current();
    if (judged.empty() || state == nullptr || state->plan.round != round || !state->beacon) {
        return no_such_round(round, *again.before).error();
    }
    again.order = judge_order(*again.before, verify);
    again.past = recollect(*again.before, verify);
    again.past.audits.clear();  // of rounds before: not this one's
    for (const Record& record : judged) {
        const Result<LedgerEvent> event = decode_record(record);
        if (!event) {
            return fail("ledger record " + std::to_string(record.height) + ": " + event.reason());
        }
        again.take(head_of(record), *event);
    }
    return again.closed_ ? Result<RoundAgain>(std::move(again))
                         : no_such_round(round, *again.before).error();
}

// Of all that the ledger says, what answers this round's orders.
void RoundAgain::take(const EventHead& head, const LedgerEvent& event) {
    const RoundId round = order.plan.round;
    if (const auto* rollback = std::get_if<RollbackBody>(&event)) {
        if (rollback->taken_out_in == round) {
            taken_back.insert({head.round, head.subject});
        }
        return;
    }
    if (head.round != round) {
        return;
    }
    if (const auto* job = std::get_if<AuditJob>(&event)) {
        audits[audit_job_digest(*job)].job = *job;
    } else if (const auto* report = std::get_if<AuditReportEvent>(&event)) {
        audits[report->report.job].reports.push_back(report->report);
    } else if (closed_) {
        take_late(head, event);
    } else if (const auto* verdict = std::get_if<Verdict>(&event)) {
        verdicts.emplace(head.subject, *verdict);
    } else if (const auto* debt = std::get_if<DebtBody>(&event)) {
        debts.emplace(head.subject, *debt);
    } else if (const auto* share = std::get_if<PayShareBody>(&event)) {
        shares.emplace(head.subject, *share);
    } else if (const auto* closing = std::get_if<RoundSummary>(&event)) {
        summary = *closing;
        closed_ = true;
    }
}

// A debt is settled by an opening with the verdict behind it, or lapses; other verdicts that come
// late are those of the audits.
void RoundAgain::take_late(const EventHead& head, const LedgerEvent& event) {
    if (const auto* opening = std::get_if<OpeningEvent>(&event)) {
        if (opening->notice) {
            late[head.subject].notice = *opening->notice;
        }
        return;
    }
    const auto* verdict = std::get_if<Verdict>(&event);
    if (verdict == nullptr) {
        return;
    }
    const auto answer = late.find(head.subject);
    if (answer != late.end() && !answer->second.verdict) {
        answer->second.verdict = *verdict;
    } else if (verdict->layer != Layer::kRefusal) {
        audited.emplace(head.subject, *verdict);
    }
}

}  // namespace assay
