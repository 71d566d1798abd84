#include "ledger/rejections.h"

#include "ledger/ledger.h"
#include "protocol/codec.h"

namespace assay {

Result<std::map<PeerId, Verdict>> last_rejections(const Ledger& ledger) {
    std::map<PeerId, Verdict> found;
    Status read = for_each_record(ledger, [&found](const Record& record) -> Status {
        if (record.kind != RecordKind::kVerdict) {
            return {};
        }
        Result<Verdict> verdict = decode_verdict(record.body);
        if (!verdict) {
            return verdict.error();
        }
        if (verdict->ruling == Ruling::kRejected && verdict->layer != Layer::kIdentity) {
            found[record.subject] = std::move(*verdict);
        }
        return {};
    });
    return read ? Result<std::map<PeerId, Verdict>>(std::move(found)) : read.error();
}

}  // namespace assay
