#include "ledger/ledger_rule.h"

#include <algorithm>
#include <array>

#include "core/check.h"

namespace assay {

namespace {

using R = LedgerRule;
using N = RuleNeed;

constexpr std::array kRules = {
    LedgerRuleFacts{R::kChain, "chain", N::kNothing, false, "height, previous hash and hash"},
    LedgerRuleFacts{
        R::kSignature, "signature", N::kNothing, false, "the coordinator's, of each record"},
    LedgerRuleFacts{R::kForm,
                    "form",
                    N::kNothing,
                    false,
                    "bodies are canonical, messages signed by their peers"},
    LedgerRuleFacts{
        R::kPlace, "place", N::kNothing, false, "a record stands where one of its kind is due"},
    LedgerRuleFacts{R::kMoney,
                    "money",
                    N::kNothing,
                    false,
                    "shares, pay, vesting, forfeits and debts follow from the records below"},
    LedgerRuleFacts{R::kRunKey,
                    "run.key",
                    N::kKey,
                    true,
                    "the run is that of the coordinator's key that you know"},
    LedgerRuleFacts{R::kRunManifest,
                    "run.manifest",
                    N::kManifest,
                    true,
                    "the run is that of the manifest that you know"},
    LedgerRuleFacts{
        R::kRunHead, "run.head", N::kHead, true, "the records up to a head that you know are here"},
    LedgerRuleFacts{
        R::kRunPay, "run.pay", N::kRunFile, true, "the settings of pay are the run file's"},
    LedgerRuleFacts{R::kRunLength,
                    "run.length",
                    N::kRunFile,
                    true,
                    "as many rounds as the run file says, no fewer and no more"},
    LedgerRuleFacts{R::kRunSettled,
                    "run.settled",
                    N::kNothing,
                    true,
                    "a run that is over has paid out what may vest"},
    LedgerRuleFacts{R::kTimeOrder,
                    "time.order",
                    N::kNothing,
                    true,
                    "no record is stamped earlier than one below it"},
    LedgerRuleFacts{R::kTimeChallenge,
                    "time.challenge",
                    N::kNothing,
                    true,
                    "a challenge is lost once its time is over"},
    LedgerRuleFacts{R::kRosterMembers,
                    "roster.members",
                    N::kNothing,
                    true,
                    "nobody who was ejected or owes an answer for too long"},
    LedgerRuleFacts{
        R::kRosterBounds,
        "roster.bounds",
        N::kRunFile,
        true,
        "as many peers as may be; work within base times span, and within what they have done"},
    LedgerRuleFacts{
        R::kRosterClass, "roster.class", N::kRunFile, true, "numeric classes that the run admits"},
    LedgerRuleFacts{R::kJoinWork,
                    "join.work",
                    N::kRunFile,
                    true,
                    "whoever joins has done the entry work that the run asks for"},
    LedgerRuleFacts{R::kHeadHeight,
                    "head.height",
                    N::kNothing,
                    true,
                    "plans and summaries say at which height they stand"},
    LedgerRuleFacts{R::kPlanBase,
                    "plan.base",
                    N::kNothing,
                    true,
                    "manifest, head, beacon, theta, E, and the roots of roster and pool"},
    LedgerRuleFacts{R::kPlanRoster,
                    "plan.roster",
                    N::kNothing,
                    true,
                    "the peers are those of the frozen roster, all of them"},
    LedgerRuleFacts{R::kPlanConstants,
                    "plan.constants",
                    N::kRunFile,
                    true,
                    "H, grain, T and the size of theta"},
    LedgerRuleFacts{R::kPlanSchedule, "plan.schedule", N::kRunFile, true, "learning rates"},
    LedgerRuleFacts{R::kPlanTables, "plan.tables", N::kRunFile, true, "tables of bias corrections"},
    LedgerRuleFacts{R::kPlanStream,
                    "plan.stream",
                    N::kRunFile,
                    true,
                    "position in the stream and pool of returned data"},
    LedgerRuleFacts{R::kPlanDeadlines,
                    "plan.deadlines",
                    N::kRunFile,
                    true,
                    "deadlines between floor and ceiling"},
    LedgerRuleFacts{R::kPlanRate,
                    "plan.rate",
                    N::kRunFile,
                    true,
                    "audit rates that follow from stake, suspicion and the run's end"},
    LedgerRuleFacts{R::kPlanMoments,
                    "plan.moments",
                    N::kRunFile,
                    true,
                    "moments are carried or reset as the run file says"},
    LedgerRuleFacts{R::kCommitBounds,
                    "commit.bounds",
                    N::kRunFile,
                    true,
                    "payloads no larger than allowed; none in a round of too few peers"},
    LedgerRuleFacts{R::kCommitFits,
                    "commit.fits",
                    N::kNothing,
                    true,
                    "what counts was committed to this plan, state and payload"},
    LedgerRuleFacts{R::kCommitAssignment,
                    "commit.assignment",
                    N::kData,
                    true,
                    "what counts was trained on the assigned data"},
    LedgerRuleFacts{R::kPayloadBound,
                    "payload.bound",
                    N::kNothing,
                    true,
                    "a payload is the one that its COMMIT names"},
    LedgerRuleFacts{R::kCloseEntries,
                    "close.entries",
                    N::kNothing,
                    true,
                    "CLOSE binds every COMMIT whose payload came"},
    LedgerRuleFacts{R::kBeaconChain,
                    "beacon.chain",
                    N::kNothing,
                    true,
                    "the beacon continues the manifest's chain and binds CLOSE"},
    LedgerRuleFacts{R::kOpeningForm,
                    "opening.form",
                    N::kRunFile,
                    true,
                    "an opening has the steps and sizes that were drawn"},
    LedgerRuleFacts{R::kVerdictBasis,
                    "verdict.basis",
                    N::kNothing,
                    true,
                    "a verdict rests on a beacon, a payload and an opening"},
    LedgerRuleFacts{R::kVerdictEvidence,
                    "verdict.evidence",
                    N::kNothing,
                    true,
                    "its evidence names beacon, COMMIT and opening"},
    LedgerRuleFacts{R::kVerdictChallenge,
                    "verdict.challenge",
                    N::kNothing,
                    true,
                    "owed, answered late or never: as the openings say"},
    LedgerRuleFacts{R::kVerdictFigures,
                    "verdict.figures",
                    N::kRunFile,
                    true,
                    "figures beyond the run's limits are suspicious"},
    LedgerRuleFacts{R::kAuditJob,
                    "audit.job",
                    N::kNothing,
                    true,
                    "a job is about a step that its COMMIT binds"},
    LedgerRuleFacts{R::kAuditState,
                    "audit.state",
                    N::kNothing,
                    true,
                    "in the class, trace, state and step of the optimiser of its COMMIT"},
    LedgerRuleFacts{
        R::kAuditBatch, "audit.batch", N::kData, true, "a job recomputes the assigned batch"},
    LedgerRuleFacts{R::kAuditDraw,
                    "audit.draw",
                    N::kRunFile,
                    true,
                    "just the drawn steps are audited, and all of them"},
    LedgerRuleFacts{R::kAuditAuditor,
                    "audit.auditor",
                    N::kNothing,
                    true,
                    "a report is signed by an auditor of the run"},
    LedgerRuleFacts{R::kAuditRoot,
                    "audit.root",
                    N::kNothing,
                    true,
                    "in class exact a passed step has the committed root"},
    LedgerRuleFacts{R::kAuditVerdict,
                    "audit.verdict",
                    N::kNothing,
                    true,
                    "two failing reports reject, a passing one a step accepts"},
    LedgerRuleFacts{R::kShareEvidence,
                    "share.evidence",
                    N::kNothing,
                    true,
                    "a share names the evidence of its verdict"},
    LedgerRuleFacts{R::kSummaryBound,
                    "summary.bound",
                    N::kNothing,
                    true,
                    "a summary names its plan, beacon and head"},
    LedgerRuleFacts{R::kSummaryEntries,
                    "summary.entries",
                    N::kNothing,
                    true,
                    "each outcome is what the records say of the COMMIT"},
    LedgerRuleFacts{R::kSummaryVoided,
                    "summary.voided",
                    N::kNothing,
                    true,
                    "a voided round changes nothing, another one has an aggregate"},
};

constexpr bool in_order() {
    for (size_t i = 0; i < kRules.size(); ++i) {
        if (static_cast<size_t>(kRules[i].rule) != i) {
            return false;
        }
    }
    return true;
}
static_assert(in_order() && kRules.back().rule == R::kSummaryVoided);

}  // namespace

std::span<const LedgerRuleFacts> ledger_rules() {
    return kRules;
}

const LedgerRuleFacts& facts_of(LedgerRule rule) {
    const auto index = static_cast<size_t>(rule);
    ASSAY_CHECK_LT(index, kRules.size());
    return kRules[index];
}

std::optional<LedgerRule> find_ledger_rule(std::string_view name) {
    const auto found = std::find_if(
        kRules.begin(), kRules.end(), [&](const auto& facts) { return name == facts.name; });
    return found == kRules.end() ? std::nullopt : std::optional(found->rule);
}

}  // namespace assay
