// RoundJudge, from what a peer handed in to its verdict: evidence, copies, the direction gate.

#include <algorithm>

#include "core/check.h"
#include "core/log.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "verify/chunk_audit.h"
#include "verify/direction_gate.h"
#include "verify/inspect.h"
#include "verify/round_judge_dossier.h"

namespace assay {

// The payload and the opening were hashed when they came: what cannot be read now is our loss.
void RoundJudge::lost(Dossier& dossier, const char* what, const std::string& reason) {
    dossier.evidence.store_fault = std::string("the coordinator's store lost its ") + what;
    log_error("the " + std::string(what) + " of " + dossier.peer().brief() + " in round " +
              std::to_string(dossier.evidence.round.value) +
              " cannot be read, so it is not judged: " + reason);
}

// L1 of COMMIT and payload.
void RoundJudge::read_payload(const JudgeRound& order,
                              const Assignment& dealt,
                              Dossier& dossier) const {
    const Submission& submission = *dossier.submission;
    const PeerAssignment* assignment = dealt.find(dossier.peer());
    ASSAY_CHECK(assignment != nullptr);
    const CommitExpectation expected{order.plan,
                                     order.plan_digest,
                                     submission.expected,
                                     assignment_digest(*assignment),
                                     settings_.payload_bytes_max};
    dossier.evidence.form = inspect_commit(submission.commit, expected);
    const Result<Bytes> bytes = ports_.get(submission.payload);
    if (!bytes) {
        lost(dossier, "payload", bytes.reason());
        return;
    }
    Result<PeerPayload> payload =
        inspect_payload(*bytes, submission.commit, model_.layout(), format(), &model_.pool());
    if (!payload) {
        if (dossier.evidence.form->ok()) {
            dossier.evidence.form = Status(payload.error());
        }
        return;
    }
    dossier.payload = std::move(*payload);
    dossier.entries = payload_entries(*dossier.payload);
}

// REQUIRES: its payload was read.
Challenge RoundJudge::challenge_of(const JudgeRound& order, const Dossier& dossier) const {
    ASSAY_CHECK(dossier.payload.has_value());
    return draw_challenge(order.beacon,
                          dossier.submission->commit_hash,
                          model_.layout(),
                          payload_energies(*dossier.payload),
                          settings_.verify,
                          order.plan.inner_steps,
                          dossier.submission->expected.audit_ppm);
}

// Whether it is an answer; L1 of the opening, L6, L6t; the jobs of L5. base: theta where the round
// started, of which the drawn chunks are read.
void RoundJudge::read_opening(const JudgeRound& order,
                              const Assignment& dealt,
                              std::span<const float> base,
                              Dossier& dossier) {
    const Submission& submission = *dossier.submission;
    if (!dossier.evidence.form->ok() || !dossier.payload) {
        return;
    }
    if (!submission.opening) {
        dossier.evidence.unanswered = "the opening did not come in time";
        return;
    }
    const Challenge challenge = challenge_of(order, dossier);
    dossier.evidence.opening_hash = submission.opening->opening.sha256;
    const Result<Bytes> bytes = ports_.get(submission.opening->opening);
    if (!bytes) {
        lost(dossier, "opening", bytes.reason());
        return;
    }
    Result<Opening> opening = decode_opening(
        *bytes,
        opening_shape(order.plan, submission.expected, model_.layout().tile_count(), challenge));
    if (!opening) {
        dossier.evidence.unanswered = opening.reason();
        return;
    }
    if (const Status bound = inspect_binding(submission.expected.id, *opening, submission.commit);
        !bound) {
        dossier.evidence.unanswered = bound.reason();
        return;
    }
    dossier.opening = std::move(*opening);
    const PeerAssignment* assignment = dealt.find(dossier.peer());
    ASSAY_CHECK(assignment != nullptr);
    dossier.evidence.opening =
        inspect_opening(*dossier.opening, order.plan, submission.expected, *assignment);
    if (!dossier.evidence.opening->ok()) {
        return;
    }
    const PayloadFormat payload_format = format();
    dossier.evidence.chain = audit_chunks({order.plan,
                                           submission.expected,
                                           model_.layout(),
                                           settings_.adam,
                                           payload_format,
                                           base,
                                           *dossier.payload,
                                           submission.commit,
                                           *dossier.opening},
                                          order.tripwire);
    if (dossier.evidence.chain->pass) {
        dossier.evidence.tripwire = dossier.evidence.chain->tripwire;
    }
    for (const StepStates& step : submission.opening->steps) {
        const std::span<const uint64_t> samples =
            assignment->step(step.step, order.plan.inner_steps);
        dossier.jobs.push_back(make_audit_job(
            order.plan, submission.expected, submission.commit, *dossier.opening, step, samples));
        traces_[audit_job_digest(dossier.jobs.back())] =
            trace_evidence(dossier.peer(), *dossier.opening, step.step);
    }
}

// L2 over all submissions of the round and the rounds kept.
void RoundJudge::find_copies(const JudgeRound& order, std::vector<Dossier>& dossiers) {
    std::vector<SubmissionView> views;
    for (const Dossier& dossier : dossiers) {
        const Commit& commit = dossier.submission->commit;
        views.push_back({dossier.peer(),
                         order.plan.round,
                         commit.states_root,
                         commit.trace_root,
                         commit.payload_hash,
                         dossier.payload ? &dossier.entries : nullptr});
    }
    const auto load = [&](const PeerId& peer, RoundId round) -> std::optional<PayloadEntries> {
        const auto found = old_payloads_.find({round, peer});
        if (found == old_payloads_.end()) {
            return std::nullopt;
        }
        const Result<PeerPayload> payload = read_old(found->second);
        return payload ? std::optional(payload_entries(*payload)) : std::nullopt;
    };
    ASSAY_CHECK_LE(history_.size(), old_payloads_.size());  // what is sketched can be loaded
    const std::vector<Likeness> alike = compare_payloads(views);
    const std::vector<PairFinding> findings =
        history_.find_copies(views, alike, settings_.verify, order.tripwire, load);
    for (Dossier& dossier : dossiers) {
        for (const Likeness& pair : alike) {
            if (pair.concerns(dossier.peer())) {
                dossier.evidence.likenesses.push_back(pair);
            }
        }
        for (const PairFinding& finding : findings) {
            if (finding.concerns(dossier.peer())) {
                dossier.evidence.copies.push_back(finding);
            }
        }
    }
}

// Payloads that later ones are compared with: of those whose chain stands, as recollect() finds
// them again after a restart.
void RoundJudge::keep_payloads(const JudgeRound& order, const std::vector<Dossier>& dossiers) {
    std::vector<SubmissionView> views;
    for (const Dossier& dossier : dossiers) {
        if (is_payload_kept(dossier.verdict)) {
            ASSAY_CHECK(dossier.payload.has_value());
            const Digest& hash = dossier.submission->commit.payload_hash;
            views.push_back({dossier.peer(), order.plan.round, {}, {}, hash, &dossier.entries});
            old_payloads_[{order.plan.round, dossier.peer()}] = dossier.submission->payload;
        }
    }
    history_.keep(order.plan.round, views, settings_.verify);
    const auto kept = static_cast<uint64_t>(settings_.verify.overlap_rounds);
    while (!old_payloads_.empty() &&
           old_payloads_.begin()->first.first.value + kept < order.plan.round.value) {
        old_payloads_.erase(old_payloads_.begin());
    }
}

// Of a proven pair that opens one is the copy: the audits that say who cannot wait.
void RoundJudge::audit_copies(std::vector<Dossier>& dossiers) {
    const auto may_speak = [&dossiers](const PeerId& peer) {
        return std::any_of(dossiers.begin(), dossiers.end(), [&](const Dossier& dossier) {
            return dossier.peer() == peer && speaks(dossier.evidence);
        });
    };
    for (Dossier& dossier : dossiers) {
        const auto proves = [&](const PairFinding& finding) {
            const PeerId& other = finding.peer == dossier.peer() ? finding.other : finding.peer;
            return finding.proves_copy() &&
                   (finding.round != finding.other_round || may_speak(other));
        };
        const std::vector<PairFinding>& copies = dossier.evidence.copies;
        if (!speaks(dossier.evidence) || std::none_of(copies.begin(), copies.end(), proves)) {
            continue;
        }
        for (const AuditJob& job : dossier.jobs) {
            ASSAY_CHECK(job.peer == dossier.peer() && job.round == dossier.evidence.round);
            AuditReport report = audit(job);
            if (!is_recomputed(report)) {  // then this pair stays unresolved
                dossier.evidence.audits.clear();
                break;
            }
            dossier.evidence.audits.push_back(std::move(report));
        }
    }
}

// By what is known so far, one a dossier: whom a refused peer copied is not held back by the copy.
std::vector<Verdict> RoundJudge::verdicts(const std::vector<Dossier>& dossiers) {
    std::vector<Evidence> round;
    round.reserve(dossiers.size());
    for (const Dossier& dossier : dossiers) {
        round.push_back(dossier.evidence);
    }
    return judge_round(round);
}

// L3, over those that nothing else refuses.
Status RoundJudge::run_gate(const JudgeRound& order, std::vector<Dossier>& dossiers) {
    std::vector<Dossier*> gated;
    std::vector<const PeerPayload*> payloads;
    const std::vector<Verdict> before = verdicts(dossiers);
    for (size_t i = 0; i < dossiers.size(); ++i) {
        if (dossiers[i].payload && before[i].ruling == Ruling::kAccepted) {
            gated.push_back(&dossiers[i]);
            payloads.push_back(&*dossiers[i].payload);
        }
    }
    const auto groups = static_cast<uint64_t>(settings_.verify.gate_groups);
    const auto size =
        std::min<uint64_t>(static_cast<uint64_t>(settings_.verify.gate_group_sequences),
                           settings_.held_out_count / groups);
    if (payloads.empty() || size == 0) {
        return {};
    }
    std::vector<TokenBatch> draws[2];
    for (uint32_t draw = 0; draw < 2; ++draw) {
        const std::vector<uint64_t> samples =
            draw_held_out(order.beacon, "gate", draw, groups * size, settings_.held_out_count);
        for (uint64_t g = 0; g < groups; ++g) {
            const std::span<const uint64_t> all(samples);
            Result<TokenBatch> batch =
                held_out_batch(all.subspan(g * size, size), order.plan.sequence_tokens);
            if (!batch) {
                return batch.error();
            }
            draws[draw].push_back(std::move(*batch));
        }
    }
    const GateOutcome outcome = run_direction_gate(
        model_,
        theta_,
        payloads,
        [&](uint32_t draw) { return draws[std::min(draw, 1U)]; },
        order.plan.grain_sequences,
        settings_.verify);
    ASSAY_CHECK_EQ(outcome.scores.size(), gated.size());
    if (outcome.waived) {
        log_warning(in_words(order.plan.round) + ": " + outcome.reason);
    }
    for (size_t i = 0; i < gated.size(); ++i) {
        gated[i]->evidence.direction = outcome.scores[i];
        gated[i]->evidence.gate_t = settings_.verify.gate_t;
    }
    return {};
}

}  // namespace assay
