#include "tests/support/verify_world.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>

#include "compression/error_feedback.h"
#include "core/rng.h"
#include "model/inner_loop.h"

namespace assay {

namespace {

Identity identity_of(uint64_t number) {
    return Identity::from_seed(derive_seed(Digest{}, "toy peer", {number}));
}

// Edits the gradient of each step before the inner loop clips and uses it.
class LyingModel : public GradientModel {
public:
    LyingModel(GradientModel& honest, const Lie& lie) : honest_(honest), lie_(lie) {}
    [[nodiscard]] const ParameterLayout& layout() const override { return honest_.layout(); }
    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t grain_sequences,
                          std::span<float> gradient) override {
        StepGradient step = honest_.gradient(theta, batch, grain_sequences, gradient);
        if (lie_.gradient) lie_.gradient(step_, gradient);
        ++step_;
        return step;
    }
    std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) override {
        return honest_.losses(theta, batch);
    }

private:
    GradientModel& honest_;
    const Lie& lie_;
    uint32_t step_ = 0;
};

}  // namespace

TrigramModel::TrigramModel() {
    layout_.add("last.weight", kVocab, kVocab);
    layout_.add("before.weight", kVocab, kVocab);
    layout_.add("bias", 1, kVocab);
}

double TrigramModel::sequence_loss(std::span<const float> theta,
                                   std::span<const int32_t> row,
                                   double scale,
                                   std::span<float> gradient) const {
    double loss = 0;
    const uint64_t bias = layout_.tensors[2].first_value();
    const uint64_t before = layout_.tensors[1].first_value();
    for (size_t t = 0; t + 1 < row.size(); ++t) {
        const uint64_t a = static_cast<uint64_t>(row[t]) * kVocab;
        const uint64_t b = before + static_cast<uint64_t>(row[t == 0 ? 0 : t - 1]) * kVocab;
        std::array<double, kVocab> p{};
        double sum = 0;
        for (uint32_t j = 0; j < kVocab; ++j) {
            p[j] = std::exp(static_cast<double>(theta[a + j]) + static_cast<double>(theta[b + j]) +
                            static_cast<double>(theta[bias + j]));
            sum += p[j];
        }
        const auto target = static_cast<uint32_t>(row[t + 1]);
        loss += std::log(sum / p[target]);
        for (uint32_t j = 0; j < kVocab && !gradient.empty(); ++j) {
            const double error = p[j] / sum - (j == target ? 1 : 0);
            const auto g = static_cast<float>(scale * error);
            gradient[a + j] += g;
            gradient[b + j] += g;
            gradient[bias + j] += g;
        }
    }
    return loss / static_cast<double>(row.size() - 1);
}

StepGradient TrigramModel::gradient(std::span<const float> theta,
                                    const TokenBatch& batch,
                                    uint32_t /*grain_sequences*/,
                                    std::span<float> gradient) {
    std::fill(gradient.begin(), gradient.end(), 0.0F);
    StepGradient step;
    double total = 0;
    const size_t width = batch.sequence_tokens + 1;
    for (uint32_t s = 0; s < batch.sequences; ++s) {
        const std::span<const int32_t> row(batch.tokens.data() + s * width, width);
        const double loss =
            sequence_loss(theta, row, 1.0 / static_cast<double>(batch.target_count()), gradient);
        step.sequence_losses.push_back(static_cast<float>(loss));
        total += loss;
    }
    step.mean_loss = static_cast<float>(total / batch.sequences);
    return step;
}

std::vector<float> TrigramModel::losses(std::span<const float> theta, const TokenBatch& batch) {
    std::vector<float> losses;
    const size_t width = batch.sequence_tokens + 1;
    for (uint32_t s = 0; s < batch.sequences; ++s) {
        const std::span<const int32_t> row(batch.tokens.data() + s * width, width);
        losses.push_back(static_cast<float>(sequence_loss(theta, row, 0, {})));
    }
    return losses;
}

TokenBatch toy_batch(std::span<const uint64_t> samples, uint32_t sequence_tokens, bool held_out) {
    TokenBatch batch;
    batch.sequences = static_cast<uint32_t>(samples.size());
    batch.sequence_tokens = sequence_tokens;
    for (const uint64_t sample : samples) {
        CounterRng rng(derive_seed(Digest{}, held_out ? "toy held out" : "toy text", {sample}));
        uint64_t token = rng.below(TrigramModel::kVocab);
        for (uint32_t t = 0; t <= sequence_tokens; ++t) {
            batch.tokens.push_back(static_cast<int32_t>(token));
            token = rng.below(4) == 0 ? rng.below(16) : (token * 5 + 7) % TrigramModel::kVocab;
        }
    }
    return batch;
}

VerifyWorld::VerifyWorld(NumericClass given_class, size_t peer_count) : numeric_class(given_class) {
    run_seed = derive_seed(Digest{}, "toy run");
    beacon = derive_seed(run_seed, "beacon");
    bias = bias_table(static_cast<double>(adam.beta1), static_cast<double>(adam.beta2));
    theta.resize(model.layout().value_count());
    for (uint64_t i = 0; i < peer_count; ++i) {
        const Identity identity = identity_of(i);
        ToyPeer peer{identity, identity.id(), {}, {}, {}};
        peer.m.resize(theta.size());
        peer.v.resize(theta.size());
        peer.e.resize(theta.size());
        peers.push_back(std::move(peer));
    }
    std::sort(
        peers.begin(), peers.end(), [](const ToyPeer& a, const ToyPeer& b) { return a.id < b.id; });
}

RoundPlan VerifyWorld::plan() const {
    RoundPlan plan;
    plan.round = RoundId{round};
    plan.manifest_digest = derive_seed(run_seed, "manifest");
    plan.ledger_head = derive_seed(run_seed, "head", {round});
    plan.previous_beacon = beacon;
    plan.base_root = tiles_root(theta);
    plan.stream_position = position;
    plan.inner_steps = inner_steps;
    plan.sequence_tokens = sequence_tokens;
    for (const ToyPeer& peer : peers) {
        PlanPeer entry;
        entry.id = peer.id;
        entry.numeric_class = numeric_class;
        entry.sequences_per_step = sequences;
        entry.tenure_rounds = peer.tenure;
        entry.optimiser_steps = peer.optimiser_steps;
        entry.m_root = tiles_root(peer.m);
        entry.v_root = tiles_root(peer.v);
        entry.e_root = tiles_root(peer.e);
        plan.peers.push_back(entry);
    }
    for (uint32_t t = 0; t < inner_steps; ++t) {
        plan.learning_rate_bits.push_back(
            std::bit_cast<uint32_t>(0.02F + 0.001F * static_cast<float>(t)));
    }
    plan.bias1_bits = bias.bias1_bits;
    plan.bias2_bits = bias.bias2_bits;
    plan.roster_root = roster_root(plan.peers);
    plan.pool_root = pool_root(plan.pool);
    return plan;
}

Assignment VerifyWorld::assignment(const RoundPlan& plan) const {
    return assign(run_seed, plan, sample_count);
}

PeerRound VerifyWorld::train(const RoundPlan& plan, size_t index, const Lie& lie) {
    const ToyPeer& peer = peers[index];
    const PlanPeer& entry = plan.peers[index];
    const Assignment deal = assignment(plan);
    const PeerAssignment& assigned = *deal.find(peer.id);
    RoundPlan followed = plan;
    AdamSettings used = adam;
    if (lie.plan) lie.plan(followed);
    if (lie.adam) lie.adam(used);
    std::vector<float> point = theta;
    PeerRound done{peer.m, peer.v, peer.e, {}, {}, {}, nullptr};
    if (lie.base) lie.base(point);
    if (lie.moments) lie.moments(done.m, done.v);
    if (lie.feedback) lie.feedback(done.e);

    const InnerPlan inner = inner_plan(followed, entry);
    const std::vector<float> start = point;
    InnerState state{point, done.m, done.v};
    done.chain =
        GradientChain::begin(entry.id, model.layout(), numeric_class, used, inner, state).value();
    const std::function<std::vector<uint64_t>(uint32_t)> own = [&](uint32_t t) {
        const std::span<const uint64_t> samples = assigned.step(t, inner_steps);
        return std::vector<uint64_t>(samples.begin(), samples.end());
    };
    const auto chosen = [&](uint32_t t) { return lie.samples ? lie.samples(t, own(t)) : own(t); };
    LyingModel lying(model, lie);
    InnerLoop loop(lying, used, inner, state, done.chain->hashed());
    const Result<InnerLoop::End> end = loop.run(
        [&](uint32_t t) { return Result<TokenBatch>(toy_batch(chosen(t), sequence_tokens)); },
        [&](const InnerStep& step) {
            const bool claim = !lie.claim_own_batch || lie.claim_own_batch(step.step);
            return done.chain->record(step,
                                      batch_digest(claim ? own(step.step) : chosen(step.step)));
        },
        std::atomic<bool>(false));
    ASSAY_CHECK(end.ok());
    InnerState after = loop.state();
    if (lie.theta_end) lie.theta_end(after.theta);
    done.chain->finish(after);
    done.m = after.m;
    done.v = after.v;

    const std::vector<float> e_before = done.e;
    SparseUpdate update =
        compress(start, after.theta, done.e, model.layout(), format.compression)->update;
    if (lie.update) lie.update(update);
    if (lie.feedback_after) lie.feedback_after(done.e);
    done.payload = encode_update(update, model.layout(), format.compression);
    done.chain->record_feedback(e_before, done.e, format);

    done.commit.manifest_digest = plan.manifest_digest;
    done.commit.round = plan.round;
    done.commit.plan_digest = plan_digest(plan);
    done.commit.ledger_head = plan.ledger_head;
    done.commit.base_root = plan.base_root;
    if (lie.base_root) lie.base_root(done.commit.base_root);
    done.commit.assignment_digest = assignment_digest(assigned);
    done.commit.payload_hash = sha256_plain(done.payload);
    done.commit.payload_bytes = done.payload.size();
    done.commit.tokens = uint64_t{inner_steps} * sequences * sequence_tokens;
    done.chain->fill(done.commit);
    done.commit_hash = commit_hash(make_envelope(peer.identity, Message(done.commit)));
    return done;
}

Challenge VerifyWorld::challenge(const RoundPlan& plan, size_t index, const PeerRound& done) const {
    const Result<PeerPayload> payload =
        decode_payload(format.strategy, done.payload, model.layout(), format.compression);
    const std::vector<double> energies =
        payload ? payload_energies(*payload) : std::vector<double>();
    return draw_challenge(beacon,
                          done.commit_hash,
                          model.layout(),
                          energies,
                          settings,
                          plan.inner_steps,
                          plan.peers[index].audit_ppm);
}

Evidence VerifyWorld::check(const RoundPlan& plan, size_t index, PeerRound& done) {
    const PlanPeer& peer = plan.peers[index];
    const Assignment deal = assignment(plan);
    const PeerAssignment& assigned = *deal.find(peer.id);
    Evidence evidence;
    evidence.round = plan.round;
    evidence.peer = peer.id;
    evidence.beacon = beacon;
    evidence.commit_hash = done.commit_hash;
    evidence.form = inspect_commit(
        done.commit, {plan, plan_digest(plan), peer, assignment_digest(assigned), 1 << 20});
    Result<PeerPayload> payload =
        inspect_payload(done.payload, done.commit, model.layout(), format);
    if (evidence.form->ok() && !payload) evidence.form = payload.error();
    if (!evidence.form->ok()) return evidence;

    const Challenge drawn = challenge(plan, index, done);
    const OpeningShape shape = opening_shape(plan, peer, model.layout().tile_count(), drawn);
    const Bytes bytes = *done.chain->opening_bytes(plan, peer, drawn);
    evidence.opening_hash = sha256_plain(bytes);
    Result<Opening> opening = decode_opening(bytes, shape);
    const Status bound =
        opening ? inspect_binding(peer.id, *opening, done.commit) : opening.error();
    evidence.unanswered = bound ? "" : bound.reason();
    if (!bound) return evidence;
    evidence.opening = inspect_opening(*opening, plan, peer, assigned);
    if (!evidence.opening->ok()) return evidence;
    evidence.chain = audit_chunks(
        {plan, peer, model.layout(), adam, format, theta, *payload, done.commit, *opening},
        tripwire_floor(settings));
    evidence.tripwire = evidence.chain->tripwire;
    if (evidence.chain->pass) evidence.audits = audit(plan, index, done, *opening, drawn.steps);
    return evidence;
}

std::vector<AuditReport> VerifyWorld::audit(const RoundPlan& plan,
                                            size_t index,
                                            PeerRound& done,
                                            const Opening& opening,
                                            const std::vector<uint32_t>& steps) {
    const Assignment deal = assignment(plan);
    const PeerAssignment& assigned = *deal.find(plan.peers[index].id);
    std::vector<AuditReport> reports;
    for (const uint32_t t : steps) {
        const StepState state = *done.chain->step_state(t);
        StepStates states;
        states.step = t;
        const std::span<const uint64_t> samples = assigned.step(t, inner_steps);
        const AuditJob job =
            make_audit_job(plan, plan.peers[index], done.commit, opening, states, samples);
        AuditInputs inputs;
        inputs.theta = state.theta;
        if (numeric_class != NumericClass::kExact) {
            inputs.g = state.g;
            inputs.v = state.v;
        }
        inputs.batch = toy_batch(samples, sequence_tokens);
        inputs.trace = trace_evidence(plan.peers[index].id, opening, t);
        inputs.adam = adam;
        inputs.bias2_bits = plan.bias2_bits;
        reports.push_back(run_audit(job, inputs, model, settings));
    }
    return reports;
}

PeerPayload VerifyWorld::decoded(const PeerRound& done) const {
    return *decode_payload(format.strategy, done.payload, model.layout(), format.compression);
}

void VerifyWorld::finish(const RoundPlan& plan, std::vector<PeerRound>& rounds) {
    std::vector<float> update(theta.size());
    for (size_t i = 0; i < rounds.size(); ++i) {
        expand_update(*decode_update(rounds[i].payload, model.layout(), format.compression),
                      update);
        for (size_t k = 0; k < theta.size(); ++k) {
            theta[k] -= update[k] / static_cast<float>(rounds.size());
        }
        peers[i].m = rounds[i].m;
        peers[i].v = rounds[i].v;
        peers[i].e = rounds[i].e;
        peers[i].optimiser_steps += inner_steps;
        ++peers[i].tenure;
    }
    position = assignment(plan).stream_position_after;
    beacon = derive_seed(beacon, "next");
    ++round;
}

}  // namespace assay
