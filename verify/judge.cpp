#include "verify/judge.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "core/check.h"
#include "protocol/codec.h"
#include "verify/gradient_audit.h"
#include "verify/ppm.h"

namespace assay {

namespace {

Verdict verdict_of(const Evidence& evidence, Ruling ruling, Layer layer, std::string reason) {
    Verdict verdict;
    verdict.round = evidence.round;
    verdict.peer = evidence.peer;
    verdict.ruling = ruling;
    verdict.layer = layer;
    verdict.reason = std::move(reason);
    verdict.evidence = evidence_digest(evidence);
    return verdict;
}

bool is_among(const PeerId& peer, std::span<const PeerId> peers) {
    return std::find(peers.begin(), peers.end(), peer) != peers.end();
}

// What pairs this peer with another that may speak, or with an earlier round.
std::vector<const PairFinding*> findings_about(const Evidence& evidence,
                                               std::span<const PeerId> silent) {
    std::vector<const PairFinding*> findings;
    for (const PairFinding& finding : evidence.copies) {
        const PeerId& other = finding.peer == evidence.peer ? finding.other : finding.peer;
        const bool counts = finding.round != finding.other_round || !is_among(other, silent);
        if (finding.concerns(evidence.peer) && counts) {
            findings.push_back(&finding);
        }
    }
    return findings;
}

// The most that its payload has in common with one of another that may speak.
void add_likeness(TripwireFigures& figures,
                  const Evidence& evidence,
                  std::span<const PeerId> silent) {
    for (const Likeness& pair : evidence.likenesses) {
        ASSAY_CHECK(pair.concerns(evidence.peer));
        if (!is_among(pair.other_than(evidence.peer), silent)) {
            figures.overlap_ppm = std::max(figures.overlap_ppm, in_ppm(pair.figures.overlap));
            figures.payload_cosine_ppm =
                std::max(figures.payload_cosine_ppm, in_ppm(pair.figures.cosine));
        }
    }
}

const PairFinding* proven_copy(const std::vector<const PairFinding*>& findings) {
    const auto found = std::find_if(findings.begin(), findings.end(), [](const auto* finding) {
        return finding->proves_copy();
    });
    return found == findings.end() ? nullptr : *found;
}

// A refusal of the chain of somebody whose roots equal another's: he is the copy.
Verdict refuse(const Evidence& evidence,
               const PairFinding* copy,
               Layer layer,
               const std::string& reason) {
    if (copy == nullptr) {
        return verdict_of(evidence, Ruling::kRejected, layer, reason);
    }
    return verdict_of(
        evidence,
        Ruling::kRejected,
        Layer::kCopies,
        copy->reason + ", and this one does not open for its own assignment: " + reason);
}

bool all_pass(const std::vector<AuditReport>& reports) {
    return std::all_of(
        reports.begin(), reports.end(), [](const AuditReport& report) { return report.pass; });
}

std::string direction_in_words(const DirectionScore& score, double gate_t) {
    char text[160];
    std::snprintf(text,
                  sizeof(text),
                  "direction gate: t = %.2f, not over %.2f (mean %.3g nat per token over the "
                  "held-out groups)",
                  score.t,
                  gate_t,
                  score.mean);
    return text;
}

std::string acceptance_in_words(const Evidence& evidence) {
    std::string text = "accepted";
    char figures[96];
    if (evidence.chain) {
        std::snprintf(figures,
                      sizeof(figures),
                      "; %llu chunks and %llu chains bit-equal",
                      static_cast<unsigned long long>(evidence.chain->chunks_checked),
                      static_cast<unsigned long long>(evidence.chain->chains_checked));
        text += figures;
    }
    if (evidence.direction) {
        std::snprintf(figures, sizeof(figures), "; direction t = %.2f", evidence.direction->t);
        text += figures;
    }
    if (!evidence.audits.empty()) {
        text += "; " + std::to_string(evidence.audits.size()) + " audited steps agree";
    }
    return text;
}

void add_suspicion(Verdict& verdict,
                   const Evidence& evidence,
                   const std::vector<const PairFinding*>& findings) {
    if (!findings.empty()) {
        verdict.suspicious = true;
        verdict.reason += "; suspicious: " + findings.front()->reason;
    }
    if (evidence.tripwire && evidence.tripwire->suspicious) {
        verdict.suspicious = true;
        verdict.reason += "; suspicious: " + evidence.tripwire->reason;
    }
}

// The first refusal in the order of layers; nothing if every layer that was run passed.
std::optional<Verdict> first_refusal(const Evidence& evidence, const PairFinding* copy) {
    if (evidence.form && !evidence.form->ok()) {
        return verdict_of(evidence, Ruling::kRejected, Layer::kForm, evidence.form->reason());
    }
    if (!evidence.unanswered.empty()) {  // what it is worth does not depend on what it says
        return verdict_of(evidence, Ruling::kGated, Layer::kRefusal, evidence.unanswered);
    }
    if (!evidence.store_fault.empty()) {
        return verdict_of(evidence,
                          Ruling::kGated,
                          Layer::kForm,
                          "not judged, and nobody is blamed: " + evidence.store_fault);
    }
    if (evidence.opening && !evidence.opening->ok()) {
        return refuse(evidence, copy, Layer::kForm, evidence.opening->reason());
    }
    if (evidence.chain && !evidence.chain->pass) {
        return refuse(evidence, copy, Layer::kChunkChain, evidence.chain->reason);
    }
    if (!evidence.audits.empty()) {
        Verdict audit = judge_audits(
            evidence.round, evidence.peer, evidence_digest(evidence), evidence.audits, true);
        if (audit.ruling == Ruling::kRejected) {
            return refuse(evidence, copy, audit.layer, audit.reason);
        }
    }
    // Of two that open in one round the drawn audits say more than a gate for both.
    const bool replay = copy != nullptr && copy->round != copy->other_round;
    if (replay && (evidence.audits.empty() || !all_pass(evidence.audits))) {
        return verdict_of(evidence,
                          Ruling::kGated,
                          Layer::kCopies,
                          copy->reason + "; not used until an audit says whose work it is");
    }
    if (evidence.direction && !evidence.direction->enters) {
        return verdict_of(evidence,
                          Ruling::kGated,
                          Layer::kDirection,
                          direction_in_words(*evidence.direction, evidence.gate_t));
    }
    return std::nullopt;
}

// What is said of one audited step: passed if any auditor passed it.
struct StepResult {
    uint32_t step = 0;
    const AuditReport* failing = nullptr;
    const AuditReport* unseen = nullptr;  // what it needed is lost at the auditor's
    bool passed = false;
};

std::vector<StepResult> results_by_step(std::span<const AuditReport> reports) {
    std::vector<StepResult> results;
    for (const AuditReport& report : reports) {
        auto found = std::find_if(results.begin(), results.end(), [&](const StepResult& result) {
            return result.step == report.step;
        });
        if (found == results.end()) {
            found = results.insert(results.end(), StepResult{report.step});
        }
        found->passed = found->passed || report.pass;
        if (!is_recomputed(report)) {
            found->unseen = &report;
        }
        if (!report.pass && found->failing == nullptr) {
            found->failing = &report;
        }
    }
    return results;
}

}  // namespace

Digest evidence_digest(const Evidence& evidence) {
    return evidence_digest(evidence.beacon, evidence.commit_hash, evidence.opening_hash);
}

bool speaks(const Evidence& evidence) {
    return evidence.form && evidence.form->ok() && evidence.unanswered.empty() &&
           evidence.store_fault.empty() && evidence.opening && evidence.opening->ok() &&
           evidence.chain && evidence.chain->pass;
}

Verdict judge(const Evidence& evidence, std::span<const PeerId> silent) {
    const std::vector<const PairFinding*> findings = findings_about(evidence, silent);
    std::optional<Verdict> refusal = first_refusal(evidence, proven_copy(findings));
    Verdict verdict =
        refusal
            ? std::move(*refusal)
            : verdict_of(
                  evidence, Ruling::kAccepted, Layer::kAggregate, acceptance_in_words(evidence));
    add_suspicion(verdict, evidence, findings);
    if (evidence.tripwire) {
        verdict.figures = figures_of(*evidence.tripwire);
    }
    add_likeness(verdict.figures, evidence, silent);
    return verdict;
}

bool is_unanswered(const Verdict& verdict) {
    return verdict.ruling == Ruling::kGated && verdict.layer == Layer::kRefusal;
}

std::vector<Verdict> judge_round(std::span<const Evidence> round) {
    std::vector<PeerId> silent;
    std::set<PeerId> peers;
    for (const Evidence& evidence : round) {
        ASSAY_CHECK(evidence.round == round.front().round);
        ASSAY_CHECK(peers.insert(evidence.peer).second);
        if (!speaks(evidence)) {
            silent.push_back(evidence.peer);
        }
    }
    std::vector<Verdict> verdicts;
    for (const Evidence& evidence : round) {
        verdicts.push_back(judge(evidence, silent));
    }
    for (const Verdict& verdict : verdicts) {  // an audit that is here already
        if (verdict.ruling == Ruling::kRejected && !is_among(verdict.peer, silent)) {
            silent.push_back(verdict.peer);
        }
    }
    for (size_t i = 0; i < verdicts.size(); ++i) {
        if (verdicts[i].ruling != Ruling::kRejected) {
            verdicts[i] = judge(round[i], silent);
            ASSAY_CHECK(verdicts[i].ruling != Ruling::kRejected);  // it frees, and blames nobody
        }
    }
    return verdicts;
}

Verdict judge_audits(RoundId round,
                     const PeerId& peer,
                     const Digest& evidence,
                     std::span<const AuditReport> reports,
                     bool answered_in_time) {
    Verdict verdict;
    verdict.round = round;
    verdict.peer = peer;
    verdict.evidence = evidence;
    verdict.ruling = Ruling::kAccepted;
    verdict.layer = Layer::kGradientAudit;
    if (!answered_in_time) {
        verdict.ruling = Ruling::kRejected;
        verdict.layer = Layer::kRefusal;
        verdict.reason = "the states of the audited steps did not come in time";
        return verdict;
    }
    const std::vector<StepResult> results = results_by_step(reports);
    size_t agreed = results.size();
    for (const StepResult& result : results) {
        const std::string step = "step " + std::to_string(result.step);
        if (result.failing != nullptr && !result.passed) {
            verdict.ruling = Ruling::kRejected;
            verdict.reason = "gradient audit of " + step + ": " + result.failing->reason;
            return verdict;
        }
        if (result.unseen != nullptr) {
            --agreed;
            verdict.suspicious = true;
            verdict.reason += step + " was not recomputed (" + result.unseen->reason + "); ";
        } else if (result.failing != nullptr) {
            verdict.suspicious = true;
            verdict.reason +=
                "auditors disagree about " + step + " (" + result.failing->reason + "); ";
        }
    }
    verdict.reason += std::to_string(agreed) + " audited steps agree";
    return verdict;
}

}  // namespace assay
