// The rules of a ledger, each with a name: what a verifier checks, what he needs for it, and in
// whose name a record is refused.
//
// A rule that is not listed here is one of a record's place or of money: "place" and "money" stand
// for those, with the record's kind and the reason.

#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "core/result.h"

namespace assay {

enum class LedgerRule : uint8_t {
    kChain,
    kSignature,
    kForm,
    kPlace,
    kMoney,
    kRunKey,
    kRunManifest,
    kRunHead,
    kRunPay,
    kRunLength,
    kRunSettled,
    kTimeOrder,
    kTimeChallenge,
    kRosterMembers,
    kRosterBounds,
    kRosterClass,
    kJoinWork,
    kHeadHeight,
    kPlanBase,
    kPlanRoster,
    kPlanConstants,
    kPlanSchedule,
    kPlanTables,
    kPlanStream,
    kPlanDeadlines,
    kPlanRate,
    kPlanMoments,
    kCommitBounds,
    kCommitFits,
    kCommitAssignment,
    kPayloadBound,
    kCloseEntries,
    kBeaconChain,
    kOpeningForm,
    kVerdictBasis,
    kVerdictEvidence,
    kVerdictChallenge,
    kVerdictFigures,
    kAuditJob,
    kAuditState,
    kAuditBatch,
    kAuditDraw,
    kAuditAuditor,
    kAuditRoot,
    kAuditVerdict,
    kShareEvidence,
    kSummaryBound,
    kSummaryEntries,
    kSummaryVoided,
};

// What a rule is checked with, beside the records themselves.
enum class RuleNeed : uint8_t { kNothing, kRunFile, kData, kKey, kManifest, kHead };

struct LedgerRuleFacts {
    LedgerRule rule = LedgerRule::kChain;
    const char* name = "";
    RuleNeed need = RuleNeed::kNothing;
    bool optional = true;  // whether a verifier may leave it out and look at the rest
    const char* what = "";
};

// All rules, in the order of the enumeration.
std::span<const LedgerRuleFacts> ledger_rules();
const LedgerRuleFacts& facts_of(LedgerRule rule);
// By its name, e.g. "plan.stream"; none if no rule has it.
std::optional<LedgerRule> find_ledger_rule(std::string_view name);

// Whom a check asks before it refuses: rules that were left out refuse nothing, and the last one
// that did is remembered.
class RuleBook {
public:
    RuleBook() = default;
    explicit RuleBook(std::set<LedgerRule> left_out) : left_out_(std::move(left_out)) {}

    // An error in the rule's name, or none if it was left out.
    Status broken(LedgerRule rule, std::string why) const {
        if (left_out_.count(rule) > 0) {
            return {};
        }
        broken_ = rule;
        return fail(std::move(why));
    }
    Status must(LedgerRule rule, bool holds, const char* otherwise) const {
        return holds ? Status() : broken(rule, otherwise);
    }
    [[nodiscard]] std::optional<LedgerRule> last_broken() const { return broken_; }

private:
    std::set<LedgerRule> left_out_;
    mutable std::optional<LedgerRule> broken_;
};

}  // namespace assay
