#include "ledger/ledger.h"

#include <algorithm>

namespace assay {

Status for_each_record(const Ledger& ledger, const std::function<Status(const Record&)>& visit) {
    for (uint64_t from = 0; from < ledger.height(); from += kLedgerPage) {
        Result<std::vector<Record>> page = ledger.read(from, kLedgerPage);
        if (!page) {
            return page.error();
        }
        // An interface that gave less or more would let records go unseen or be seen twice.
        ASSAY_CHECK_EQ(page->size(), std::min(kLedgerPage, ledger.height() - from));
        for (const Record& record : *page) {
            if (Status status = visit(record); !status) {
                return fail("record " + std::to_string(record.height) + " (" +
                            record_kind_name(record.kind) + "): " + status.reason());
            }
        }
    }
    return {};
}

Status check_drafts(std::span<const RecordDraft> drafts) {
    for (const RecordDraft& draft : drafts) {
        const std::string name = record_kind_name(draft.kind);
        if (!is_record_kind(static_cast<uint8_t>(draft.kind))) {
            return fail("a record of no known kind");
        }
        if (draft.body.size() > kRecordBodyBytesMax) {
            return fail("the body of a " + name + " record has " +
                        std::to_string(draft.body.size()) + " bytes, at most " +
                        std::to_string(kRecordBodyBytesMax) + " are stored");
        }
        if (draft.round.value > kRoundMax) {
            return fail("the round of a " + name + " record is out of bounds");
        }
    }
    return {};
}

}  // namespace assay
