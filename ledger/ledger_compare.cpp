#include "ledger/ledger_compare.h"

#include <algorithm>

#include "core/check.h"
#include "ledger/ledger_verify.h"
#include "ledger/wrapped_text.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr size_t kColumns = 100;

Result<Record> record_at(const Ledger& ledger, uint64_t height) {
    Result<std::vector<Record>> page = ledger.read(height, 1);
    if (!page) {
        return page.error();
    }
    if (page->empty()) {
        return fail("record " + std::to_string(height) + " cannot be read");
    }
    return std::move(page->front());
}

// Each record's hash binds all below it: the same at one height, they are the same up to there.
Result<uint64_t> common_records(const Ledger& a, const Ledger& b) {
    uint64_t same = 0;
    uint64_t end = std::min(a.height(), b.height());
    while (same < end) {
        const uint64_t middle = same + (end - same) / 2;
        const Result<Record> of_a = record_at(a, middle);
        const Result<Record> of_b = record_at(b, middle);
        if (!of_a || !of_b) {
            return of_a ? of_b.error() : of_a.error();
        }
        if (of_a->hash == of_b->hash) {
            same = middle + 1;
        } else {
            end = middle;
        }
    }
    return same;
}

Result<PartingRecord> parting_record(const Ledger& ledger, uint64_t height) {
    Result<Record> record = record_at(ledger, height);
    if (!record) {
        return record.error();
    }
    const Result<RunManifest> manifest = ledger_manifest(ledger);
    if (!manifest) {
        return manifest.error();
    }
    PartingRecord parting{std::move(*record), manifest->coordinator, false};
    const Record& one = parting.record;
    parting.is_signed = is_record_kind(static_cast<uint8_t>(one.kind)) && one.height == height &&
                        one.hash == record_hash(one) &&
                        verify_signature(parting.key, one.hash.span(), one.signature);
    return parting;
}

std::string in_words(const char* name, const PartingRecord& parting) {
    const Record& record = parting.record;
    const std::string subject = record.subject == PeerId{} ? "" : ", " + record.subject.hex();
    std::string out = wrapped_text(std::string("  ") + name + ": " + record_kind_name(record.kind) +
                                       " of " + assay::in_words(record.round) + subject,
                                   5,
                                   kColumns);
    out += "     hash      " + record.hash.hex() + "\n";
    out += "     behind    " + record.previous.hex() + "\n";
    out += "     signature " + to_hex(record.signature).substr(0, 64) + "\n";
    out += "               " + to_hex(record.signature).substr(64) + "\n";
    out += std::string("     ") + (parting.is_signed ? "signed by " : "NOT signed by ") +
           parting.key.hex() + "\n";
    return out;
}

}  // namespace

bool LedgerComparison::proves_two_histories() const {
    return a && b && a->is_signed && b->is_signed && a->key == b->key &&
           a->record.previous == b->record.previous && common > 0;
}

std::string LedgerComparison::text() const {
    const std::string count = std::to_string(common);
    if (one_history() && records_a == records_b) {
        return "the same: " + count + " records, head " + head_a.hex();
    }
    if (one_history()) {
        const bool a_ends = records_a < records_b;
        return std::string(a_ends ? "A is the beginning of B" : "B is the beginning of A") + ": " +
               count + " of " + std::to_string(a_ends ? records_b : records_a) +
               " records, up to head\n" + (a_ends ? head_a : head_b).hex();
    }
    std::string out = "the first " + count + " records are the same, then they differ at height " +
                      count + "\n" + in_words("A", *a) + in_words("B", *b);
    if (proves_two_histories()) {
        out +=
            "one coordinator has signed both behind the same record: it has written two histories";
    } else if (common == 0) {
        out += "they are the ledgers of two runs";
    } else {
        out +=
            "they are not signed by one coordinator behind one record: `assay ledger verify` "
            "says\nwhich of them is damaged";
    }
    return out;
}

Result<LedgerComparison> compare_ledgers(const Ledger& a, const Ledger& b) {
    if (a.height() == 0 || b.height() == 0) {
        return fail(std::string("the ledger of ") + (a.height() == 0 ? "A" : "B") + " is empty");
    }
    const Result<uint64_t> common = common_records(a, b);
    if (!common) {
        return common.error();
    }
    LedgerComparison found;
    found.records_a = a.height();
    found.records_b = b.height();
    found.head_a = a.head();
    found.head_b = b.head();
    found.common = *common;
    ASSAY_CHECK_LE(found.common, std::min(found.records_a, found.records_b));
    if (found.common == std::min(found.records_a, found.records_b)) {
        return found;
    }
    Result<PartingRecord> of_a = parting_record(a, found.common);
    Result<PartingRecord> of_b = parting_record(b, found.common);
    if (!of_a || !of_b) {
        return of_a ? of_b.error() : of_a.error();
    }
    found.a = std::move(*of_a);
    found.b = std::move(*of_b);
    return found;
}

}  // namespace assay
