#include "verify/round_judge.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/log.h"
#include "core/merkle.h"
#include "protocol/codec.h"
#include "protocol/plan.h"
#include "verify/pay_shares.h"
#include "verify/round_judge_dossier.h"

namespace assay {

namespace {

Digest momentum_root(const OuterState& outer, const ParameterLayout& layout) {
    return outer.momentum.empty() ? zero_tiles_root(layout.tile_count())
                                  : tiles_root(outer.momentum);
}

bool in_order_of_id(const std::vector<Submission>& submissions) {
    const auto not_before = [](const Submission& a, const Submission& b) {
        return !(a.expected.id < b.expected.id);
    };
    return std::adjacent_find(submissions.begin(), submissions.end(), not_before) ==
           submissions.end();
}

}  // namespace

RoundJudge::RoundJudge(JudgeSettings settings, JudgePorts ports, GradientModel& model)
    : settings_(std::move(settings)), ports_(std::move(ports)), model_(model) {
    ASSAY_CHECK(ports_.put && ports_.get && ports_.read_samples && ports_.read_held_out);
}

PayloadFormat RoundJudge::format() const {
    return {strategy_of(settings_.outer), settings_.compression};
}

Status RoundJudge::load(std::vector<float> theta, OuterState outer) {
    const uint64_t count = model_.layout().value_count();
    if (theta.size() != count || outer.accumulator.size() != count) {
        return fail("the state to judge from is not of the run's model");
    }
    theta_ = std::move(theta);
    outer_ = std::move(outer);
    loss_.reset();
    return {};
}

Result<RoundJudged> RoundJudge::judge(const JudgeRound& order) {
    const ParameterLayout& layout = model_.layout();
    ASSAY_CHECK_EQ(theta_.size(), layout.value_count());  // a state was loaded
    ASSAY_CHECK(in_order_of_id(order.submissions));
    if (tiles_root(theta_) != order.plan.base_root ||
        tiles_root(outer_.accumulator) != order.plan.accumulator_root) {
        return fail("the judge's state is not the one that " + in_words(order.plan.round) +
                    " starts from");
    }
    const Assignment dealt = assign(settings_.run_seed, order.plan, settings_.sample_count);
    std::vector<Dossier> dossiers(order.submissions.size());
    for (size_t i = 0; i < dossiers.size(); ++i) {
        dossiers[i].submission = &order.submissions[i];
        dossiers[i].evidence.round = order.plan.round;
        dossiers[i].evidence.peer = dossiers[i].peer();
        dossiers[i].evidence.beacon = order.beacon;
        dossiers[i].evidence.commit_hash = order.submissions[i].commit_hash;
        read_payload(order, dealt, dossiers[i]);
        read_opening(order, dealt, theta_, dossiers[i]);
    }
    find_copies(order, dossiers);
    audit_copies(dossiers);
    if (Status gate = run_gate(order, dossiers); !gate) {
        return gate.error();
    }
    RoundJudged judged;
    judged.round = order.plan.round;
    std::vector<Verdict> ruled = verdicts(dossiers);
    for (size_t i = 0; i < dossiers.size(); ++i) {
        dossiers[i].verdict = std::move(ruled[i]);
        dossiers[i].entered = dossiers[i].verdict.ruling == Ruling::kAccepted;
        if (Status kept = keep_base_tiles(order, dossiers[i]); !kept) {
            return kept.error();
        }
    }
    keep_payloads(order, dossiers);
    if (Status done = aggregate_round(order, dossiers, judged); !done) {
        return done.error();
    }
    for (const Dossier& dossier : dossiers) {
        JudgedPeer peer;
        peer.verdict = dossier.verdict;
        peer.entered = dossier.entered && !judged.voided;
        if (dossier.opening) {
            peer.m_after_root = dossier.opening->end.m_after_root;
            peer.v_after_root = dossier.opening->end.v_after_root;
        }
        peer.e_after_root = dossier.submission->commit.e_after_root;
        peer.pay_share_nano = dossier.pay_share_nano;
        peer.weight = dossier.submission->weight;
        peer.base_tiles = dossier.base_tiles;
        judged.peers.push_back(std::move(peer));
        // Those of a copied pair ran already, but what is recorded is ordered and signed.
        if (dossier.verdict.ruling != Ruling::kRejected) {
            judged.audits.insert(judged.audits.end(), dossier.jobs.begin(), dossier.jobs.end());
        } else {
            std::for_each(dossier.jobs.begin(), dossier.jobs.end(), [this](const AuditJob& job) {
                forget_audit(job);
            });
        }
    }
    ASSAY_CHECK_EQ(judged.peers.size(), order.submissions.size());
    judged.theta_root = tiles_root(theta_);
    judged.accumulator_root = tiles_root(outer_.accumulator);
    judged.momentum_root = momentum_root(outer_, layout);
    return judged;
}

// The outer step, its shares and the new state; without anybody in it the round is void.
Status RoundJudge::aggregate_round(const JudgeRound& order,
                                   std::vector<Dossier>& dossiers,
                                   RoundJudged& judged) {
    const ParameterLayout& layout = model_.layout();
    Result<float> before = reported_loss(order.plan.sequence_tokens);
    if (!before) {
        return before.error();
    }
    judged.loss_before = judged.loss_after = *before;
    std::vector<Dossier*> entered;
    std::vector<Contribution> contributions;
    for (Dossier& dossier : dossiers) {
        if (dossier.entered) {
            ASSAY_CHECK(dossier.payload.has_value() && dossier.evidence.form->ok());
            entered.push_back(&dossier);
            contributions.push_back(
                contribution_of(dossier.peer(), *dossier.payload, dossier.submission->weight));
        }
    }
    judged.voided = entered.empty();
    judged.reason = judged.voided ? "no submission passed the checks" : "";
    if (judged.voided) {
        return {};
    }
    AggregateResult sum;
    aggregate(contributions, layout, aggregate_settings(settings_.outer), model_.pool(), sum);
    OuterState outer = outer_;
    if (Status taken = take_out_shares(order.take_backs, outer); !taken) {
        return taken;
    }
    for (const TakeBack& back : order.take_backs) {
        judged.taken_back.emplace_back(back.round, back.peer);
    }
    Result<OuterStep> step =
        outer_step(outer, sum.sum, layout, settings_.outer, settings_.compression, &model_.pool());
    if (!step) {
        judged.voided = true;
        judged.reason = "the aggregate cannot be formed: " + step.reason();
        judged.taken_back.clear();
        return {};
    }
    if (Status shared = measure_pay_shares(order, step->q, sum, entered, judged); !shared) {
        return shared;
    }
    std::vector<float> theta = theta_;
    apply_step(theta, step->q);
    const Result<BlobRef> aggregate_blob = ports_.put(step->aggregate);
    const Result<BlobRef> theta_blob = ports_.put(float_bytes(theta));
    if (!aggregate_blob || !theta_blob) {
        return aggregate_blob ? theta_blob.error() : aggregate_blob.error();
    }
    if (ports_.keep_state) {
        if (Status kept = ports_.keep_state(order.plan.round, theta, step->after); !kept) {
            return kept;
        }
    }
    judged.aggregate = *aggregate_blob;
    judged.theta = *theta_blob;
    theta_ = std::move(theta);
    outer_ = std::move(step->after);
    ASSAY_CHECK_EQ(outer_.accumulator.size(), theta_.size());
    loss_.reset();
    Result<float> after = reported_loss(order.plan.sequence_tokens);
    judged.loss_after = after ? *after : *before;
    return {};
}

// What was in an aggregate, read again. The contributions point into `payloads`.
Status RoundJudge::read_entered(std::span<const ContributionRef> entered,
                                std::vector<PeerPayload>& payloads,
                                std::vector<Contribution>& contributions) const {
    payloads.reserve(entered.size());
    for (const ContributionRef& ref : entered) {
        Result<PeerPayload> payload = read_old(ref.payload);
        if (!payload) {
            return payload.error();
        }
        payloads.push_back(std::move(*payload));
        contributions.push_back(contribution_of(ref.peer, payloads.back(), ref.weight));
    }
    return {};
}

// E <- E - D_i for each late rejection, D_i recomputed from the payloads of its round.
Status RoundJudge::take_out_shares(std::span<const TakeBack> take_backs, OuterState& outer) const {
    const ParameterLayout& layout = model_.layout();
    for (const TakeBack& back : take_backs) {
        const auto wanted =
            std::find_if(back.entered.begin(), back.entered.end(), [&](const ContributionRef& ref) {
                return ref.peer == back.peer;
            });
        if (wanted == back.entered.end()) {
            continue;
        }
        std::vector<PeerPayload> payloads;
        std::vector<Contribution> contributions;
        if (Status read = read_entered(back.entered, payloads, contributions); !read) {
            return read;
        }
        AggregateResult sum;
        aggregate(contributions, layout, aggregate_settings(settings_.outer), model_.pool(), sum);
        ASSAY_CHECK_EQ(sum.count(), back.entered.size());
        std::vector<float> share(layout.value_count(), 0.0F);
        sum.share_of(static_cast<size_t>(wanted - back.entered.begin()), share, &model_.pool());
        take_out(outer, share);
    }
    return {};
}

Status RoundJudge::redo(const OuterStepAgain& again) {
    const ParameterLayout& layout = model_.layout();
    const auto cannot = [&again](const std::string& why) {
        return fail("the step of " + in_words(again.round) + " cannot be taken again: " + why);
    };
    ASSAY_CHECK_EQ(theta_.size(), layout.value_count());
    std::vector<PeerPayload> payloads;
    std::vector<Contribution> contributions;
    if (Status read = read_entered(again.entered, payloads, contributions); !read) {
        return cannot(read.reason());
    }
    if (Status taken = take_out_shares(again.take_backs, outer_); !taken) {
        return cannot(taken.reason());
    }
    AggregateResult sum;
    aggregate(contributions, layout, aggregate_settings(settings_.outer), model_.pool(), sum);
    Result<OuterStep> step =
        outer_step(outer_, sum.sum, layout, settings_.outer, settings_.compression, &model_.pool());
    if (!step) {
        return cannot(step.reason());
    }
    apply_step(theta_, step->q);
    outer_ = std::move(step->after);
    loss_.reset();
    if (tiles_root(theta_) != again.theta_root ||
        tiles_root(outer_.accumulator) != again.accumulator_root ||
        momentum_root(outer_, layout) != again.momentum_root) {
        return cannot("it leads to other roots than the ledger's");
    }
    return {};
}

Status RoundJudge::measure_pay_shares(const JudgeRound& order,
                                      const std::vector<float>& step,
                                      const AggregateResult& sum,
                                      std::vector<Dossier*>& entered,
                                      RoundJudged& judged) {
    const auto count = static_cast<uint64_t>(settings_.verify.share_sequences);
    const std::vector<uint64_t> samples =
        draw_held_out(order.beacon, "share", 0, count, settings_.held_out_count);
    if (samples.empty()) {
        return {};
    }
    const Result<TokenBatch> batch = held_out_batch(samples, order.plan.sequence_tokens);
    if (!batch) {
        return batch.error();
    }
    const PayShares outcome = aumann_shapley(
        model_,
        theta_,
        step,
        sum.count(),
        [&](size_t i, std::span<float> out) { sum.share_of(i, out, &model_.pool()); },
        *batch,
        order.plan.grain_sequences,
        settings_.verify.share_nodes);
    ASSAY_CHECK_EQ(outcome.phi.size(), entered.size());
    for (size_t i = 0; i < entered.size(); ++i) {
        entered[i]->pay_share_nano = outcome.phi[i];
    }
    judged.encoding_pay_share_nano = outcome.encoding;
    judged.loss_decrease_nano = outcome.measured;
    return {};
}

// ---- audits and losses ---------------------------------------------------------------------

AuditReport RoundJudge::audit(const AuditJob& job) {
    std::vector<float> states[3];
    const BlobRef* blobs[3] = {&job.opening.theta, &job.opening.g, &job.opening.v};
    std::string missing;
    for (size_t i = 0; i < 3; ++i) {
        if (blobs[i]->size_bytes == 0) {
            continue;
        }
        const Result<Bytes> bytes = ports_.get(*blobs[i]);
        missing = bytes ? missing : bytes.reason();
        states[i] = bytes ? floats_of(*bytes) : std::vector<float>();
    }
    const Result<std::vector<int32_t>> tokens = ports_.read_samples(job.samples);
    if (!tokens || !missing.empty()) {
        const std::string what = tokens ? "the opened state" : "the batch";
        log_error(what + " of step " + std::to_string(job.step) + " of " + job.peer.brief() +
                  " in " + in_words(job.round) +
                  " cannot be read, so it is not audited: " + (tokens ? missing : tokens.reason()));
        return not_audited(job, "the coordinator's store lost " + what);
    }
    AuditInputs inputs;
    inputs.theta = states[0];
    inputs.g = states[1];
    inputs.v = states[2];
    inputs.batch.sequences = static_cast<uint32_t>(job.samples.size());
    inputs.batch.sequence_tokens =
        job.samples.empty() ? 0 : static_cast<uint32_t>(tokens->size() / job.samples.size() - 1);
    inputs.batch.tokens = *tokens;
    inputs.grain_sequences = settings_.grain_sequences;
    inputs.adam = settings_.adam;
    inputs.bias2_bits = settings_.bias2_bits;
    const auto trace = traces_.find(audit_job_digest(job));
    if (trace != traces_.end()) {
        inputs.trace = trace->second;
    }
    return run_audit(job, inputs, model_, settings_.verify);
}

void RoundJudge::forget_audit(const AuditJob& job) {
    traces_.erase(audit_job_digest(job));
}

Result<TokenBatch> RoundJudge::held_out_batch(std::span<const uint64_t> samples,
                                              uint32_t tokens) const {
    Result<std::vector<int32_t>> read = ports_.read_held_out(samples);
    if (!read) {
        return read.error();
    }
    return TokenBatch{static_cast<uint32_t>(samples.size()), tokens, std::move(*read)};
}

// Mean held-out loss of theta over a fixed set, in batches that bound the memory.
Result<float> RoundJudge::reported_loss(uint32_t sequence_tokens) {
    if (loss_) {
        return *loss_;
    }
    constexpr uint64_t kBatch = 16;
    const uint64_t all = settings_.held_out_count;
    const uint64_t count =
        settings_.loss_sequences == 0 ? all : std::min<uint64_t>(settings_.loss_sequences, all);
    double sum = 0;
    for (uint64_t first = 0; first < count; first += kBatch) {
        std::vector<uint64_t> samples;
        for (uint64_t i = first; i < std::min(count, first + kBatch); ++i) {
            samples.push_back(i * (all / count));
        }
        const Result<TokenBatch> batch = held_out_batch(samples, sequence_tokens);
        if (!batch) {
            return batch.error();
        }
        for (const float loss : model_.losses(theta_, *batch)) {
            sum += static_cast<double>(loss);
        }
    }
    loss_ = count == 0 ? 0.0F : static_cast<float>(sum / static_cast<double>(count));
    return *loss_;
}

}  // namespace assay
