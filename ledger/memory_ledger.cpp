#include "ledger/memory_ledger.h"

#include <algorithm>

namespace assay {

Status MemoryLedger::append(std::vector<RecordDraft> drafts) {
    if (Status checked = check_drafts(drafts); !checked) {
        return checked;
    }
    for (RecordDraft& draft : drafts) {
        records_.push_back(seal_record(coordinator_, height(), head(), std::move(draft)));
    }
    return {};
}

Result<std::vector<Record>> MemoryLedger::read(uint64_t from, uint64_t count) const {
    const uint64_t begin = std::min<uint64_t>(from, records_.size());
    const uint64_t end = begin + std::min<uint64_t>(count, records_.size() - begin);
    return std::vector<Record>(records_.begin() + static_cast<std::ptrdiff_t>(begin),
                               records_.begin() + static_cast<std::ptrdiff_t>(end));
}

Digest MemoryLedger::head() const {
    return records_.empty() ? Digest{} : records_.back().hash;
}

}  // namespace assay
