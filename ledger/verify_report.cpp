#include "ledger/verify_report.h"

#include "core/printable.h"
#include "ledger/left_over.h"
#include "ledger/wrapped_text.h"
#include "protocol/plan.h"

namespace assay {

namespace {

constexpr size_t kColumns = 100;

std::string outcome_in_words(const VerifyReport& report) {
    if (report.bad) {
        const BadRecord& bad = *report.bad;
        return "ledger does NOT verify: record " + std::to_string(bad.height) + " (" +
               record_kind_name(bad.kind) + ") breaks " + facts_of(bad.rule).name + ": " +
               printable(bad.what) + "; " + std::to_string(report.records) +
               " records before it are good";
    }
    return "ledger verifies: " + std::to_string(report.records) + " records, " +
           std::to_string(report.rounds) + " rounds, " + std::to_string(report.signatures) +
           " signatures, head " + report.head.brief();
}

std::string left_in_words(const Books& books) {
    std::string out;
    for (const LeftOver& left : left_over(books)) {
        const std::string what = left.earned_in ? "of " + in_words(*left.earned_in) : "deposit";
        out += wrapped_text("  " + left.peer.brief() + "  " + std::to_string(left.amount) + ", " +
                                what + ": " + left.why,
                            6,
                            kColumns);
    }
    return out.empty() ? "nothing is left unvested\n" : "left unvested:\n" + out;
}

}  // namespace

std::string VerifyReport::state_in_words() const {
    if (books.ended()) {
        return "the run is over";
    }
    const std::string all =
        rounds_planned ? " of " + std::to_string(*rounds_planned) + " rounds" : "";
    if (books.plan() == nullptr) {
        return "no round has begun" + all;
    }
    const RoundId newest = books.plan()->round;
    const bool open = newest.value + 1 > rounds;
    return "the run goes on: " + in_words(newest) + (open ? " is open" : " is closed") + all;
}

std::string VerifyReport::text() const {
    std::string out = wrapped_text(outcome_in_words(*this), 4, kColumns);
    out += state_in_words() + "\n" + left_in_words(books);
    std::string names = "checked:";
    for (const LedgerRule rule : checked) {
        names += std::string(" ") + facts_of(rule).name;
    }
    out += wrapped_text(names, 9, kColumns);
    for (const NotChecked& one : not_checked) {
        const LedgerRuleFacts& facts = facts_of(one.rule);
        out += wrapped_text("not checked: " + std::string(facts.name) + " (" + facts.what +
                                "): " + printable(one.why),
                            13,
                            kColumns);
    }
    out.pop_back();
    return out;
}

}  // namespace assay
