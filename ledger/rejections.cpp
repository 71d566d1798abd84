#include "ledger/rejections.h"

#include "ledger/event.h"
#include "ledger/ledger.h"

namespace assay {

namespace {

// visit(peer, verdict) of each that rejects for what was done in its round.
template <typename Visit>
Status for_each_rejection(const Ledger& ledger, const Visit& visit) {
    return for_each_record(ledger, [&visit](const Record& record) -> Status {
        if (record.kind != RecordKind::kVerdict) {
            return {};
        }
        Result<LedgerEvent> event = decode_record(record);
        if (!event) {
            return event.error();
        }
        auto& verdict = std::get<Verdict>(*event);
        if (verdict.ruling == Ruling::kRejected && verdict.layer != Layer::kIdentity) {
            visit(record.subject, verdict);
        }
        return {};
    });
}

}  // namespace

Result<std::map<PeerId, Verdict>> last_rejections(const Ledger& ledger) {
    std::map<PeerId, Verdict> found;
    Status read = for_each_rejection(ledger, [&found](const PeerId& peer, Verdict& verdict) {
        found[peer] = std::move(verdict);
    });
    return read ? Result<std::map<PeerId, Verdict>>(std::move(found)) : read.error();
}

Result<std::map<PeerId, std::set<RoundId>>> rejected_rounds(const Ledger& ledger) {
    std::map<PeerId, std::set<RoundId>> found;
    Status read = for_each_rejection(ledger, [&found](const PeerId& peer, const Verdict& verdict) {
        found[peer].insert(verdict.round);
    });
    return read ? Result<std::map<PeerId, std::set<RoundId>>>(std::move(found)) : read.error();
}

}  // namespace assay
