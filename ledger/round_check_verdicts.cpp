// RoundCheck, openings, verdicts and audits: what a verdict rests on, whatever it says.

#include <algorithm>

#include "ledger/round_check.h"
#include "protocol/codec.h"
#include "protocol/plan.h"

namespace assay {

namespace {

// Whether a layer may rule so at all.
bool may_rule(Layer layer, Ruling ruling) {
    switch (layer) {
        case Layer::kIdentity:
        case Layer::kTrace:
        case Layer::kChunkChain:
            return ruling == Ruling::kRejected;
        case Layer::kForm:
        case Layer::kCopies:
        case Layer::kDirection:
            return ruling != Ruling::kAccepted;
        case Layer::kGradientAudit:
        case Layer::kAggregate:
            return ruling != Ruling::kGated;
        case Layer::kAppeal:  // there is none
            return false;
        case Layer::kRefusal:
            return true;
    }
    return false;
}

// Whether it reads what was opened.
bool reads_opening(Layer layer) {
    return layer != Layer::kIdentity && layer != Layer::kForm && layer != Layer::kRefusal;
}

}  // namespace

// ---- openings, debts ----------------------------------------------------------------------------

Status RoundCheck::check_opening(const OpeningNotice& notice, const CommitFacts& facts) const {
    const uint64_t size = notice.opening.size_bytes;
    if (size == 0 || size > terms()->opening_bytes_max) {
        return rules_.broken(LedgerRule::kOpeningForm,
                             "an opening of " + std::to_string(size) + " bytes, at most " +
                                 std::to_string(terms()->opening_bytes_max) + " follow");
    }
    const uint64_t whole = terms()->theta_bytes;
    const uint64_t others = facts.line.numeric_class == NumericClass::kExact ? 0 : whole;
    std::vector<uint32_t> steps;
    bool sizes = true;
    for (const StepStates& step : notice.steps) {
        steps.push_back(step.step);
        sizes = sizes && step.theta.size_bytes == whole && step.g.size_bytes == others &&
                step.v.size_bytes == others;
    }
    const Status sized = rules_.must(
        LedgerRule::kOpeningForm, sizes, "a state that does not have the size of the parameters");
    return sized ? rules_.must(LedgerRule::kOpeningForm,
                               steps == facts.drawn,
                               "the steps opened are not those that the beacon drew")
                 : sized;
}

Status RoundCheck::on(const Place& at, const OpeningEvent& event) {
    Result<CommitFacts*> facts = challenged_commit(at.head);
    if (!facts) {
        return facts.error();
    }
    if ((*facts)->opening) {
        return fail("a second opening of peer " + at.head.subject.hex());
    }
    if (event.notice && event.notice->round != at.head.round) {
        return fail("the opening is of " + in_words(event.notice->round));
    }
    if (terms() != nullptr && event.notice) {
        Status form = check_opening(*event.notice, **facts);
        if (!form) {
            return form;
        }
    }
    (*facts)->opening = true;
    (*facts)->answered = event.notice.has_value();
    (*facts)->notice = event.notice ? event.notice : (*facts)->notice;
    return {};
}

Status RoundCheck::on(const Place& at, const DebtBody& debt) {
    Result<CommitFacts*> facts = challenged_commit(at.head);
    if (!facts) {
        return facts.error();
    }
    if (!(*facts)->unanswered) {
        return fail("a debt that no verdict says is owed");
    }
    if ((*facts)->until && debt.until <= *(*facts)->until) {
        return fail("a challenge that was open already is told again, and no longer than before");
    }
    (*facts)->until = debt.until;
    return {};
}

// ---- verdicts -----------------------------------------------------------------------------------

Status RoundCheck::check_basis(const RoundFacts& round,
                               const CommitFacts& facts,
                               const Verdict& verdict) const {
    const char* fault = nullptr;
    if (!round.beacon) {
        fault = "it rules before the beacon";
    } else if (verdict.layer != Layer::kIdentity && !facts.payload) {
        fault = "it rules on a payload that did not come";
    } else if (reads_opening(verdict.layer) && !facts.answered) {
        fault = "it rules on an opening that did not come";
    } else if (!may_rule(verdict.layer, verdict.ruling)) {
        fault = "its layer never rules so";
    }
    return fault == nullptr ? Status() : rules_.broken(LedgerRule::kVerdictBasis, fault);
}

// Of the beacon, the COMMIT, and the opening if one came; later verdicts name that of the first.
Status RoundCheck::check_evidence(const RoundFacts& round,
                                  const CommitFacts& facts,
                                  const Verdict& verdict) const {
    const Digest beacon = round.beacon.value_or(Digest{});
    const Digest opened = facts.notice ? facts.notice->opening.sha256 : Digest{};
    const bool follows = verdict.evidence == evidence_digest(beacon, facts.hash, opened) ||
                         verdict.evidence == evidence_digest(beacon, facts.hash, Digest{}) ||
                         (!facts.evidence.is_zero() && verdict.evidence == facts.evidence) ||
                         (verdict.layer == Layer::kIdentity && verdict.evidence.is_zero());
    return rules_.must(LedgerRule::kVerdictEvidence,
                       follows,
                       "its evidence is not that of the beacon, the COMMIT and the opening");
}

// Gated: it stays open; accepted: answered late; rejected: never answered.
Status RoundCheck::check_challenge(const Place& at, CommitFacts& facts, const Verdict& verdict) {
    const bool due = at.head.round == *current_ && !rounds_.at(*current_).summarised;
    constexpr LedgerRule kRule = LedgerRule::kVerdictChallenge;
    switch (verdict.ruling) {
        case Ruling::kGated:
            if (!due || facts.unanswered || !rounds_.at(*current_).beacon) {
                return fail("a challenge is left open once, in its round");
            }
            facts.unanswered = true;
            facts.opening = facts.answered = false;  // what came was no answer
            return {};
        case Ruling::kAccepted:
            return rules_.must(kRule,
                               facts.until && facts.answered,
                               "a challenge is said to be answered late, no opening says so");
        case Ruling::kRejected:
            break;
    }
    Status never =
        rules_.must(kRule,
                    facts.until && !facts.answered,
                    "a challenge is said never to have been answered, the records say otherwise");
    lapsed_ = facts.until ? std::max(lapsed_, *facts.until) : lapsed_;
    return never;
}

// One pass decides a step; a refusal needs two reports that refuse it. Nothing was recomputed, or
// auditors disagree: then the peer is suspicious, and only then.
Status RoundCheck::check_audited(const CommitFacts& facts, const Verdict& verdict) const {
    constexpr LedgerRule kRule = LedgerRule::kAuditVerdict;
    const bool refused = std::any_of(facts.jobs.begin(), facts.jobs.end(), [](const auto& job) {
        return job.second.failed >= 2 && job.second.passed == 0;
    });
    if (verdict.ruling == Ruling::kRejected) {
        return rules_.must(
            kRule, refused, "an audit is said to have failed, no two reports on a step say so");
    }
    if (facts.jobs.empty()) {
        return rules_.broken(kRule, "an audit is said to have passed, no job was recorded");
    }
    bool doubt = false;
    for (const auto& [digest, job] : facts.jobs) {
        doubt = doubt || job.failed > 0 || job.unseen;
        if (job.passed == 0) {
            Status passed =
                rules_.broken(kRule,
                              "an audit is said to have passed, step " + std::to_string(job.step) +
                                  " has no report that says so");
            if (!passed) {
                return passed;
            }
        }
    }
    return rules_.must(kRule,
                       verdict.suspicious == doubt,
                       doubt ? "auditors disagree or saw nothing, and it is not suspicious"
                             : "its audits agree, and it is suspicious");
}

// What a chain shows is held against what the run has shown: a coordinator can neither overlook it
// for a friend nor lower the limits against somebody.
Status RoundCheck::check_figures(const Place& at, const Verdict& verdict) const {
    if (terms() == nullptr) {
        return {};
    }
    const TripwireFigures limits = at.books.tripwire().limits(terms()->tripwire_floor);
    const TripwireFigures& seen = verdict.figures;
    const bool beyond = seen.energy_ppm > limits.energy_ppm ||
                        seen.cosine_ppm > limits.cosine_ppm ||
                        seen.overlap_ppm > limits.overlap_ppm ||
                        seen.payload_cosine_ppm > limits.payload_cosine_ppm;
    return rules_.must(LedgerRule::kVerdictFigures,
                       !beyond || verdict.suspicious,
                       "its figures are beyond the run's limits, and it is not suspicious");
}

Status RoundCheck::on(const Place& at, const Verdict& verdict) {
    CommitFacts* facts = find_commit(at.head.round, at.head.subject);
    if (facts == nullptr) {
        return fail("no COMMIT of peer " + at.head.subject.hex() + " is open to a verdict");
    }
    const RoundFacts& round = rounds_.at(at.head.round);
    if (Status basis = check_basis(round, *facts, verdict); !basis) {
        return basis;
    }
    if (Status evidence = check_evidence(round, *facts, verdict); !evidence) {
        return evidence;
    }
    if (!round.summarised) {
        facts->evidence = verdict.evidence;
    } else if (verdict.ruling == Ruling::kRejected && facts->counted && !facts->taken_out) {
        facts->taken_out = true;
        const DealtWork* work = work_of(round, at.head.subject);
        const std::vector<SampleRange> none;
        const std::vector<SampleRange>& ranges = work == nullptr ? none : work->ranges;
        taken_out_.insert(taken_out_.end(), ranges.begin(), ranges.end());
    }
    if (verdict.layer == Layer::kRefusal) {
        return check_challenge(at, *facts, verdict);
    }
    if (verdict.layer == Layer::kGradientAudit) {
        return check_audited(*facts, verdict);
    }
    if (Status figures = check_figures(at, verdict); !figures) {
        return figures;
    }
    facts->accepted = facts->accepted || verdict.ruling == Ruling::kAccepted;
    return {};
}

// ---- audits -------------------------------------------------------------------------------------

Status RoundCheck::check_job(const RoundFacts& round,
                             const CommitFacts& facts,
                             const AuditJob& job) const {
    const Digest leaf = state_leaf_digest(job.peer, job.step, job.leaf);
    const bool bound = job.states_root == facts.commit.states_root &&
                       job.leaf_path.index == job.step &&
                       merkle_contains(job.states_root, leaf, job.leaf_path);
    Status about = rules_.must(
        LedgerRule::kAuditJob, bound, "the step to audit is not the one that the COMMIT binds");
    if (!about) {
        return about;
    }
    const bool named = job.manifest_digest == manifest_digest_ &&
                       job.trace_root == facts.commit.trace_root &&
                       job.numeric_class == facts.commit.numeric_class &&
                       job.optimiser_steps_before == facts.line.optimiser_steps + job.step;
    const bool opened =
        facts.notice &&
        std::any_of(facts.notice->steps.begin(), facts.notice->steps.end(), [&](const auto& step) {
            return step.step == job.step && step.theta.sha256 == job.opening.theta.sha256 &&
                   step.g.sha256 == job.opening.g.sha256 && step.v.sha256 == job.opening.v.sha256;
        });
    Status state =
        rules_.must(LedgerRule::kAuditState,
                    named && opened && job.opening.step == job.step,
                    !named ? "the job names another manifest, trace, class or step of the optimiser"
                           : "the state to audit is not the one that was opened");
    if (!state || terms() == nullptr) {
        return state;
    }
    const bool drawn = std::count(facts.drawn.begin(), facts.drawn.end(), job.step) > 0;
    Status draw = rules_.must(
        LedgerRule::kAuditDraw, drawn, "the step to audit is not one that the beacon drew");
    const DealtWork* work = work_of(round, job.peer);
    if (!draw || work == nullptr || !work->assignment) {
        return draw;
    }
    const std::vector<uint64_t>& dealt = work->samples;
    const size_t width = dealt.size() / std::max<uint32_t>(round.plan.inner_steps, 1);
    const bool batch = job.step < round.plan.inner_steps && job.samples.size() == width &&
                       std::equal(job.samples.begin(),
                                  job.samples.end(),
                                  dealt.begin() + static_cast<std::ptrdiff_t>(width * job.step));
    return rules_.must(
        LedgerRule::kAuditBatch, batch, "the batch to audit is not the one that was assigned");
}

Status RoundCheck::on(const Place& at, const AuditJob& job) {
    CommitFacts* facts = find_commit(at.head.round, at.head.subject);
    if (facts == nullptr || !rounds_.at(at.head.round).beacon) {
        return fail("an audit of a COMMIT that is not open to one");
    }
    const RoundFacts& round = rounds_.at(at.head.round);
    if (job.peer != at.head.subject || job.round != at.head.round ||
        job.plan_digest != round.plan_digest) {
        return fail("the job names another peer, round or plan");
    }
    if (Status about = check_job(round, *facts, job); !about) {
        return about;
    }
    JobFacts& known = facts->jobs[audit_job_digest(job)];
    known.step = job.step;
    known.exact = job.numeric_class == NumericClass::kExact;
    known.g_root = job.leaf.g_root;
    return {};
}

Status RoundCheck::on(const Place& at, const AuditReportEvent& event) {
    const AuditReport& report = event.report;
    CommitFacts* facts = find_commit(at.head.round, at.head.subject);
    const auto job =
        facts == nullptr ? decltype(facts->jobs.begin()){} : facts->jobs.find(report.job);
    if (facts == nullptr || job == facts->jobs.end()) {
        return fail("a report on a job that was not recorded");
    }
    if (report.round != at.head.round || report.peer != at.head.subject ||
        report.step != job->second.step) {
        return fail("the report is on another peer, round or step than its job");
    }
    Status auditor = rules_.must(LedgerRule::kAuditAuditor,
                                 event.envelope->signer == manifest_.coordinator,
                                 "the report is signed by a key that audits nothing here");
    if (!auditor) {
        return auditor;
    }
    const bool unseen = report.recomputed_root.is_zero();
    const bool equal = report.recomputed_root == job->second.g_root;
    Status root = rules_.must(
        LedgerRule::kAuditRoot,
        !report.pass || unseen || !job->second.exact || equal,
        "the audit passes with another root than the COMMIT's, in a class that compares roots");
    if (!root) {
        return root;
    }
    ++(report.pass ? job->second.passed : job->second.failed);
    job->second.unseen = job->second.unseen || (report.pass && unseen);
    return {};
}

}  // namespace assay
