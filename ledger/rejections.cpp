#include "ledger/rejections.h"

#include "ledger/event.h"
#include "ledger/ledger.h"

namespace assay {

Result<std::map<PeerId, Verdict>> last_rejections(const Ledger& ledger) {
    std::map<PeerId, Verdict> found;
    Status read = for_each_record(ledger, [&found](const Record& record) -> Status {
        if (record.kind != RecordKind::kVerdict) {
            return {};
        }
        Result<LedgerEvent> event = decode_record(record);
        if (!event) {
            return event.error();
        }
        auto& verdict = std::get<Verdict>(*event);
        if (verdict.ruling == Ruling::kRejected && verdict.layer != Layer::kIdentity) {
            found[record.subject] = std::move(verdict);
        }
        return {};
    });
    return read ? Result<std::map<PeerId, Verdict>>(std::move(found)) : read.error();
}

}  // namespace assay
