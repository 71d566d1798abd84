#include "ledger/ledger_verify.h"

#include "ledger/round_check.h"
#include "protocol/codec.h"

namespace assay {

namespace {

class LedgerVerifier {
public:
    LedgerVerifier(const LedgerChecks& checks, VerifyReport& report)
        : rounds_(checks), checks_(checks), report_(report) {}

    // Whether to go on.
    bool take(const Record& record) {
        if (Status status = check(record); !status) {
            report_.bad = BadRecord{report_.records, record.kind, status.reason()};
            return false;
        }
        ASSAY_CHECK(report_.ok());  // nothing is good behind a bad record
        ++report_.records;
        report_.head = record.hash;
        report_.rounds = rounds_.rounds();
        report_.signatures = signatures_checked() - checked_before_;
        return true;
    }

private:
    Status check(const Record& record) {
        if (Status status = check_link(record); !status) {
            return status;
        }
        if ((record.kind == RecordKind::kRunStart) != (record.height == 0)) {
            return fail("run_start stands at height 0 and nowhere else");
        }
        const Result<LedgerEvent> event = decode_record(record);
        if (!event) {
            return event.error();
        }
        if (Status status = rounds_.check(record, *event, report_.books); !status) {
            return status;
        }
        if (record.height == 0) {
            if (Status status = check_signer(record); !status) {
                return status;
            }
        }
        if (Status status = report_.books.apply(head_of(record), *event); !status) {
            return status;
        }
        if (std::holds_alternative<RoundSummary>(*event)) {
            rounds_.forget(report_.books);
            return check_books(report_.books);
        }
        return {};
    }

    Status check_link(const Record& record) const {
        if (!is_record_kind(static_cast<uint8_t>(record.kind))) {
            return fail("kind " + std::to_string(static_cast<int>(record.kind)) +
                        " does not exist");
        }
        if (record.height != report_.records) {
            return fail("stands where height " + std::to_string(report_.records) + " is due");
        }
        if (record.previous != report_.head) {
            return fail("does not chain to the record before it");
        }
        if (record.hash != record_hash(record)) {
            return fail("its hash does not follow from its content");
        }
        if (record.height > 0) {
            return check_signature(record);
        }
        return {};
    }

    Status check_signature(const Record& record) const {
        if (!verify_signature(
                rounds_.manifest().coordinator, record.hash.span(), record.signature)) {
            return fail("is not signed by the coordinator " + rounds_.manifest().coordinator.hex());
        }
        return {};
    }

    // The first record names the key that must have signed it.
    Status check_signer(const Record& record) const {
        if (checks_.coordinator && rounds_.manifest().coordinator != *checks_.coordinator) {
            return fail("the run belongs to coordinator " + rounds_.manifest().coordinator.hex() +
                        ", expected " + checks_.coordinator->hex());
        }
        return check_signature(record);
    }

    const uint64_t checked_before_ = signatures_checked();
    RoundCheck rounds_;
    const LedgerChecks& checks_;
    VerifyReport& report_;
};

// A page that cannot be read whole is read record by record, to name the one that is damaged.
bool take_page(const Ledger& ledger,
               uint64_t from,
               LedgerVerifier& verifier,
               VerifyReport& report) {
    Result<std::vector<Record>> page = ledger.read(from, kLedgerPage);
    uint64_t count = kLedgerPage;
    if (!page) {
        count = 1;
        page = ledger.read(from, 1);
    }
    while (page.ok() && !page->empty()) {
        for (const Record& record : *page) {
            if (!verifier.take(record)) {
                return false;
            }
        }
        if (count == kLedgerPage || report.records == ledger.height()) {
            return true;
        }
        page = ledger.read(report.records, 1);
    }
    const std::string why = page.ok() ? "cannot be read" : page.reason();
    report.bad = BadRecord{report.records, RecordKind{}, why};
    return false;
}

}  // namespace

VerifyReport verify_ledger(const Ledger& ledger, const LedgerChecks& checks) {
    VerifyReport report;
    if (!checks.assignment_digest) {
        report.not_checked.emplace_back("assignments");
    }
    if (!checks.drawn_steps) {
        report.not_checked.emplace_back("draws of the audits");
    }
    if (!checks.tripwire_floor) {
        report.not_checked.emplace_back("limits of the tripwire");
    }
    LedgerVerifier verifier(checks, report);
    while (report.records < ledger.height() &&
           take_page(ledger, report.records, verifier, report)) {
    }
    if (report.ok() && report.records == 0) {
        report.bad = BadRecord{0, RecordKind{}, "the ledger is empty"};
    }
    ASSAY_CHECK(!report.ok() || report.records == ledger.height());
    if (const Status sound = check_books(report.books); report.ok() && !sound) {
        report.bad = BadRecord{report.records - 1, RecordKind::kRunEnd, sound.reason()};
        --report.records;
    }
    return report;
}

std::string VerifyReport::text() const {
    std::string out;
    if (bad) {
        out = "ledger does NOT verify: record " + std::to_string(bad->height) + " (" +
              record_kind_name(bad->kind) + "): " + bad->what + "; " + std::to_string(records) +
              " records before it are good";
    } else {
        out = "ledger verifies: " + std::to_string(records) + " records, " +
              std::to_string(rounds) + " rounds, " + std::to_string(signatures) +
              " signatures, head " + head.brief();
    }
    for (const std::string& what : not_checked) {
        out += "\nnot checked: " + what;
    }
    return out;
}

Result<RunManifest> ledger_manifest(const Ledger& ledger) {
    Result<std::vector<Record>> first = ledger.read(0, 1);
    if (!first) {
        return first.error();
    }
    if (first->empty() || first->front().kind != RecordKind::kRunStart) {
        return fail("the ledger does not begin with run_start");
    }
    const Result<LedgerEvent> event = decode_record(first->front());
    if (!event) {
        return event.error();
    }
    return std::get<RunStartEvent>(*event).manifest;
}

}  // namespace assay
