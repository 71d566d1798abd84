#include "ledger/ledger_verify.h"

#include <algorithm>

#include "ledger/round_check.h"
#include "protocol/codec.h"

namespace assay {

namespace {

// Why a rule was not checked; nothing if it was.
std::optional<std::string> why_not(const LedgerRuleFacts& facts,
                                   const LedgerChecks& checks,
                                   bool over) {
    if (checks.left_out.count(facts.rule) > 0) {
        return "it was left out";
    }
    switch (facts.need) {
        case RuleNeed::kNothing:
            break;
        case RuleNeed::kRunFile:
            return checks.terms ? std::nullopt : std::optional(checks.why_no_terms);
        case RuleNeed::kData:
            return !checks.terms              ? std::optional(checks.why_no_terms)
                   : checks.terms->data_known ? std::nullopt
                                              : std::optional(checks.why_no_data);
        case RuleNeed::kKey:  // the manifest names the key
            return checks.coordinator || checks.manifest_digest
                       ? std::nullopt
                       : std::optional<std::string>("no key was given");
        case RuleNeed::kManifest:
            return checks.manifest_digest ? std::nullopt
                                          : std::optional<std::string>("no manifest was given");
        case RuleNeed::kHead:  // behind the end of a run stands nothing that could be cut off
            return over || !checks.heads.empty()
                       ? std::nullopt
                       : std::optional<std::string>("no head was given, and the run is not over");
    }
    return std::nullopt;
}

class LedgerVerifier {
public:
    LedgerVerifier(const LedgerChecks& checks, VerifyReport& report)
        : rules_(checks.left_out),
          rounds_(checks, rules_),
          checks_(checks),
          report_(report),
          met_(checks.heads.size()) {}

    // Whether to go on.
    bool take(const Record& record) {
        if (Status status = check(record); !status) {
            report_.bad = BadRecord{report_.records, record.kind, stage_, status.reason()};
            return false;
        }
        ASSAY_CHECK(report_.ok());  // nothing is good behind a bad record
        ++report_.records;
        report_.head = record.hash;
        report_.rounds = rounds_.rounds();
        report_.signatures = signatures_checked() - checked_before_;
        meet_heads(record);
        return true;
    }

    // What shows only where the ledger ends. REQUIRES: no record was bad.
    void end() {
        Status status = check_heads();
        const bool open = !report_.books.owed_forfeits().empty() ||
                          (report_.books.ended() && !report_.books.due_vestings().empty());
        status = status ? in_stage(LedgerRule::kRunSettled,
                                   rules_.must(LedgerRule::kRunSettled,
                                               !open || !report_.books.ended(),
                                               "the run is over, and what may vest did not"))
                        : status;
        status = status ? in_stage(LedgerRule::kMoney, check_books(report_.books)) : status;
        if (!status) {
            report_.bad = BadRecord{report_.records - 1, last_kind_, stage_, status.reason()};
            --report_.records;
        }
    }

private:
    // What fails next is in the name of this rule, unless a rule of its own is broken.
    Status in_stage(LedgerRule stage, Status status) {
        if (!status) {
            stage_ = rules_.last_broken().value_or(stage);
        }
        return status;
    }

    Status check(const Record& record) {
        last_kind_ = record.kind;
        if (Status status = in_stage(LedgerRule::kChain, check_link(record)); !status) {
            return status;
        }
        if (record.height > 0) {
            if (Status status = in_stage(LedgerRule::kSignature, check_signature(record));
                !status) {
                return status;
            }
        }
        const Result<LedgerEvent> event = decode_record(record);
        if (!event) {
            return in_stage(LedgerRule::kForm, event.error());
        }
        if (Status status =
                in_stage(LedgerRule::kPlace, rounds_.check(record, *event, report_.books));
            !status) {
            return status;
        }
        if (record.height == 0) {  // which names the key that must have signed it
            if (Status status = in_stage(LedgerRule::kSignature, check_signature(record));
                !status) {
                return status;
            }
        }
        if (Status status =
                in_stage(LedgerRule::kMoney, report_.books.apply(head_of(record), *event));
            !status) {
            return status;
        }
        if (std::holds_alternative<RoundSummary>(*event)) {
            rounds_.forget(report_.books);
            return in_stage(LedgerRule::kMoney, check_books(report_.books));
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
        if ((record.kind == RecordKind::kRunStart) != (record.height == 0)) {
            return fail("run_start stands at height 0 and nowhere else");
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

    void meet_heads(const Record& record) {
        for (size_t i = 0; i < met_.size(); ++i) {
            const KnownHead& head = checks_.heads[i];
            met_[i] = met_[i] || (head.hash == record.hash &&
                                  head.height.value_or(record.height) == record.height);
        }
    }

    // A head stands at its height, or somewhere where nobody knows its height.
    Status check_heads() {
        for (size_t i = 0; i < met_.size(); ++i) {
            const KnownHead& head = checks_.heads[i];
            if (met_[i]) {
                continue;
            }
            const std::string at = head.height ? " at height " + std::to_string(*head.height) : "";
            const bool other = head.height && *head.height < report_.records;
            Status known = in_stage(
                LedgerRule::kRunHead,
                rules_.broken(LedgerRule::kRunHead,
                              "the head " + head.hash.brief() + at +
                                  (other ? " is another record than the one here: two histories"
                                         : " is not here: records were cut off, or it is of "
                                           "another history")));
            if (!known) {
                return known;
            }
        }
        return {};
    }

    const uint64_t checked_before_ = signatures_checked();
    RuleBook rules_;
    RoundCheck rounds_;
    const LedgerChecks& checks_;
    VerifyReport& report_;
    LedgerRule stage_ = LedgerRule::kChain;
    RecordKind last_kind_ = RecordKind::kRunStart;
    std::vector<bool> met_;  // the heads that the caller knows
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
    report.bad = BadRecord{report.records, RecordKind{}, LedgerRule::kForm, why};
    return false;
}

}  // namespace

VerifyReport verify_ledger(const Ledger& ledger, const LedgerChecks& checks) {
    VerifyReport report;
    LedgerVerifier verifier(checks, report);
    while (report.records < ledger.height() &&
           take_page(ledger, report.records, verifier, report)) {
    }
    if (report.ok() && report.records == 0) {
        report.bad = BadRecord{0, RecordKind{}, LedgerRule::kPlace, "the ledger is empty"};
    }
    ASSAY_CHECK(!report.ok() || report.records == ledger.height());
    if (report.ok()) {
        verifier.end();
    }
    for (const LedgerRuleFacts& facts : ledger_rules()) {
        const std::optional<std::string> why = why_not(facts, checks, report.books.ended());
        if (why) {
            report.not_checked.push_back({facts.rule, *why});
        } else {
            report.checked.push_back(facts.rule);
        }
    }
    if (checks.terms) {
        report.rounds_planned = checks.terms->rounds;
    }
    return report;
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
