#include "ledger/audit_tally.h"

#include <algorithm>
#include <cstdio>

#include "core/check.h"
#include "ledger/event.h"
#include "protocol/plan.h"

namespace assay {

void AuditTally::take(const RoundPlan& plan, const Books& books) {
    uint64_t total = 0;
    for (const PlanPeer& peer : plan.peers) {
        total += assigned_tokens(plan, peer);
    }
    for (const PlanPeer& peer : plan.peers) {
        const uint32_t priced =
            books.is_suspected(peer.id, plan.round)
                ? books.priced_rate(peer.id, plan.round, assigned_tokens(plan, peer), total)
                : peer.audit_ppm;
        ++lines_;
        ppm_ += peer.audit_ppm;
        ppm_without_ += std::min(priced, peer.audit_ppm);
    }
    ASSAY_CHECK_LE(ppm_without_, ppm_);
}

void AuditTally::take(const Verdict& verdict) {
    if (verdict.layer != Layer::kGradientAudit && verdict.layer != Layer::kAppeal) {
        ++verdicts_;
        suspicious_ += verdict.suspicious ? 1 : 0;
    }
}

double AuditTally::rate() const {
    return lines_ == 0 ? 0 : static_cast<double>(ppm_) / 1e6 / static_cast<double>(lines_);
}

double AuditTally::rate_without_suspicion() const {
    return lines_ == 0 ? 0 : static_cast<double>(ppm_without_) / 1e6 / static_cast<double>(lines_);
}

std::string audits_in_words(const AuditTally& tally) {
    char text[160];
    std::snprintf(
        text,
        sizeof(text),
        "audits: mean rate %.3f, %.3f without suspicion; %llu of %llu verdicts suspicious",
        tally.rate(),
        tally.rate_without_suspicion(),
        static_cast<unsigned long long>(tally.suspicious()),
        static_cast<unsigned long long>(tally.verdicts()));
    return text;
}

Result<AuditTally> tally_audits(const Ledger& ledger) {
    AuditTally tally;
    Books books;
    const Status told = for_each_record(ledger, [&](const Record& record) -> Status {
        const Result<LedgerEvent> event = decode_record(record);
        Status taken = event ? books.apply(head_of(record), *event) : Status(event.error());
        if (!taken) {
            return taken;
        }
        if (const auto* plan = std::get_if<RoundPlan>(&*event)) {
            tally.take(*plan, books);
        }
        if (const auto* verdict = std::get_if<Verdict>(&*event)) {
            tally.take(*verdict);
        }
        return {};
    });
    return told ? Result<AuditTally>(tally) : Result<AuditTally>(told.error());
}

}  // namespace assay
