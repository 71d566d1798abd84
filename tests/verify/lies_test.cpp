// Each lie of a peer, and the layer that finds it. The honest peer beside it must always pass.
#include <bit>
#include <catch2/catch.hpp>
#include <limits>

#include "compression/scale.h"
#include "core/rng.h"
#include "tests/support/verify_world.h"

namespace assay {

namespace {

struct Outcome {
    Evidence evidence;
    Verdict verdict;
};

// Second round of a run (moments and e are not zero), the lie told by peer 0.
Outcome told(const Lie& lie, NumericClass numeric_class = NumericClass::kExact) {
    VerifyWorld world(numeric_class);
    RoundPlan plan = world.plan();
    std::vector<PeerRound> rounds;
    rounds.push_back(world.train(plan, 0));
    rounds.push_back(world.train(plan, 1));
    world.finish(plan, rounds);
    plan = world.plan();
    PeerRound honest = world.train(plan, 1);
    const Verdict beside = judge(world.check(plan, 1, honest));
    INFO(beside.reason);
    CHECK(beside.ruling == Ruling::kAccepted);
    PeerRound done = world.train(plan, 0, lie);
    Outcome outcome;
    outcome.evidence = world.check(plan, 0, done);
    outcome.verdict = judge(outcome.evidence);
    return outcome;
}

void check_refused(const Lie& lie, Layer layer, const std::string& words) {
    for (const NumericClass numeric_class : {NumericClass::kExact, NumericClass::kFp32}) {
        const Outcome outcome = told(lie, numeric_class);
        INFO(outcome.verdict.reason);
        CHECK(outcome.verdict.ruling == Ruling::kRejected);
        CHECK(outcome.verdict.layer == layer);
        CHECK(outcome.verdict.reason.find(words) != std::string::npos);
    }
}

}  // namespace

TEST_CASE("a scaled payload is found by the chunk chain", "[verify]") {
    Lie lie;
    lie.update = [](SparseUpdate& update) {
        for (ChunkCode& chunk : update.chunks) {
            chunk.high_scale = scale_from_magnitude(10 * magnitude_from_scale(chunk.high_scale));
            chunk.low_scale = scale_from_magnitude(10 * magnitude_from_scale(chunk.low_scale));
        }
    };
    check_refused(lie, Layer::kChunkChain, "scales of the payload are");
}

TEST_CASE("a sign-flipped payload is found by the chunk chain", "[verify]") {
    Lie lie;
    lie.update = [](SparseUpdate& update) {
        for (ChunkCode& chunk : update.chunks) {
            for (uint8_t& code : chunk.codes) {
                code ^= 2U;
            }
        }
    };
    check_refused(lie, Layer::kChunkChain, "codes of the payload differ");
}

TEST_CASE("a random payload is found by the chunk chain", "[verify]") {
    Lie lie;
    lie.update = [](SparseUpdate& update) {
        CounterRng rng(derive_seed(Digest{}, "random payload"));
        for (ChunkCode& chunk : update.chunks) {
            const std::vector<uint64_t> picks = rng.distinct(chunk.indices.size(), 128);
            for (size_t i = 0; i < picks.size(); ++i) {
                chunk.indices[i] = static_cast<uint16_t>(picks[i]);
            }
        }
    };
    check_refused(lie, Layer::kChunkChain, "indices of the payload differ");
}

TEST_CASE("one edited entry of one opened chunk is found", "[verify]") {
    Lie lie;
    lie.update = [](SparseUpdate& update) { update.chunks[3].codes[1] ^= 2U; };
    check_refused(lie, Layer::kChunkChain, "chunk 3: codes");
}

TEST_CASE("a learning rate of 1.01 times the plan's is found by the chunk chain", "[verify]") {
    Lie lie;
    lie.plan = [](RoundPlan& plan) {
        for (uint32_t& bits : plan.learning_rate_bits) {
            bits = std::bit_cast<uint32_t>(1.01F * std::bit_cast<float>(bits));
        }
    };
    check_refused(lie, Layer::kChunkChain, "recomputed theta of step 1");
}

TEST_CASE("another beta or decay is found by the chunk chain", "[verify]") {
    Lie beta;
    beta.adam = [](AdamSettings& adam) { adam.beta1 = 0.91F; };
    check_refused(beta, Layer::kChunkChain, "recomputed theta of step 1");
    Lie decay;
    decay.adam = [](AdamSettings& adam) { adam.weight_decay = 0; };
    check_refused(decay, Layer::kChunkChain, "recomputed theta of step 1");
}

TEST_CASE("moments that are not those of the last counted round are refused by form", "[verify]") {
    Lie lie;
    lie.moments = [](std::vector<float>& m, std::vector<float>&) { m[5] *= 2; };
    check_refused(lie, Layer::kForm, "m root before the round");
    Lie reset;
    reset.moments = [](std::vector<float>&, std::vector<float>& v) {
        for (float& x : v) {
            x *= 4;
        }
    };
    check_refused(reset, Layer::kForm, "v root before the round");
}

TEST_CASE("forged error feedback is refused", "[verify]") {
    Lie before;
    before.feedback = [](std::vector<float>& e) { e[7] += 1; };
    check_refused(before, Layer::kForm, "e root before the round");
    Lie after;
    after.feedback_after = [](std::vector<float>& e) {
        for (float& x : e) {
            x *= 1.5F;
        }
    };
    check_refused(after, Layer::kChunkChain, "recomputed e after the round");
}

TEST_CASE("another base is refused by form, named or hidden", "[verify]") {
    Lie hidden;
    hidden.base = [](std::vector<float>& theta) { theta[11] += 0.5F; };
    check_refused(hidden, Layer::kForm, "theta root of step 0");
    Lie named = hidden;
    named.base_root = [](Digest& root) { root.bytes[0] ^= 1U; };
    check_refused(named, Layer::kForm, "base root");
}

TEST_CASE("theta_H that does not follow from the gradients is found by the chain", "[verify]") {
    Lie lie;
    lie.theta_end = [](std::vector<float>& theta) {
        for (float& x : theta) {
            x += x != 0 ? 0.01F : 0.0F;
        }
    };
    check_refused(lie, Layer::kChunkChain, "that the compressor selects from is");
}

TEST_CASE("a number that is not finite in an opening is refused, not fatal", "[verify]") {
    VerifyWorld world(NumericClass::kExact, 1);
    world.settings.chain_chunks = 9;
    const RoundPlan plan = world.plan();
    PeerRound done = world.train(plan, 0);
    const Challenge drawn = world.challenge(plan, 0, done);
    const PeerPayload payload = world.decoded(done);
    const Opening honest = *done.chain->build_opening(drawn);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const auto report = [&](const Opening& opening) {
        return audit_chunks({plan,
                             plan.peers[0],
                             world.model.layout(),
                             world.adam,
                             world.format,
                             world.theta,
                             payload,
                             done.commit,
                             opening},
                            tripwire_floor(world.settings));
    };
    CHECK(report(honest).pass);
    Opening opening = honest;
    opening.chunks[0].sum[0] = nan;
    CHECK(report(opening).reason ==
          "chunk 0: what the compressor selects from holds a number that is not finite");
    opening = honest;
    opening.chunks[2].e_before.values[9] = nan;
    CHECK(report(opening).reason.find("not finite") != std::string::npos);
    opening = honest;
    opening.chunks[1].chain->g[3].values[0] = nan;
    CHECK(report(opening).reason == "chunk 1: g of step 3 holds a number that is not finite");
}

TEST_CASE("one replaced gradient passes the chunk chain and fails the gradient audit", "[verify]") {
    Lie lie;
    lie.gradient = [](uint32_t step, std::span<float> g) {
        if (step == 4) {
            for (float& x : g) {
                x = -x;
            }
        }
    };
    for (const NumericClass numeric_class : {NumericClass::kExact, NumericClass::kFp32}) {
        VerifyWorld world(numeric_class);
        const RoundPlan plan = world.plan();
        PeerRound done = world.train(plan, 0, lie);
        world.settings.audit_steps = world.inner_steps;
        const Evidence evidence = world.check(plan, 0, done);
        REQUIRE(evidence.chain.has_value());
        CHECK(evidence.chain->pass);
        REQUIRE(evidence.audits.size() == world.inner_steps);
        for (const AuditReport& report : evidence.audits) {
            INFO(report.reason);
            CHECK(report.pass == (report.step != 4));
        }
        const Verdict verdict = judge(evidence);
        CHECK(verdict.ruling == Ruling::kRejected);
        CHECK(verdict.layer == Layer::kGradientAudit);
        CHECK(verdict.reason.find("step 4") != std::string::npos);
    }
}

TEST_CASE("the audit misses a bad step that it does not draw", "[verify]") {
    Lie lie;
    lie.gradient = [](uint32_t step, std::span<float> g) {
        if (step == 4) g[0] += 0.125F;
    };
    VerifyWorld world(NumericClass::kExact, 1);
    const RoundPlan plan = world.plan();
    PeerRound done = world.train(plan, 0, lie);
    Evidence evidence = world.check(plan, 0, done);
    const Challenge drawn = world.challenge(plan, 0, done);
    const bool hit = std::find(drawn.steps.begin(), drawn.steps.end(), 4U) != drawn.steps.end();
    CHECK((judge(evidence).ruling == Ruling::kRejected) == hit);
}

TEST_CASE("other data: named batches are refused by form, hidden ones by the audit", "[verify]") {
    Lie hidden;
    hidden.samples = [](uint32_t, std::vector<uint64_t> samples) {
        for (uint64_t& sample : samples) {
            sample = 7;
        }
        return samples;
    };
    for (const NumericClass numeric_class : {NumericClass::kExact, NumericClass::kFp32}) {
        const Verdict verdict = told(hidden, numeric_class).verdict;
        INFO(verdict.reason);
        CHECK(verdict.layer == Layer::kGradientAudit);
        CHECK(verdict.ruling == Ruling::kRejected);
    }
    Lie named = hidden;
    named.claim_own_batch = [](uint32_t) { return false; };
    check_refused(named, Layer::kForm, "batch id of step 0");
}

TEST_CASE("one altered token fails the audit in class fp32", "[verify]") {
    VerifyWorld world(NumericClass::kFp32, 1);
    const RoundPlan plan = world.plan();
    PeerRound done = world.train(plan, 0);
    const Opening opening = *done.chain->build_opening(world.challenge(plan, 0, done));
    const StepState state = *done.chain->step_state(1);
    const Assignment deal = world.assignment(plan);
    const std::span<const uint64_t> samples = deal.peers[0].step(1, world.inner_steps);
    StepStates states;
    states.step = 1;
    const AuditJob job = make_audit_job(plan, plan.peers[0], done.commit, opening, states, samples);
    AuditInputs inputs;
    inputs.theta = state.theta;
    inputs.g = state.g;
    inputs.v = state.v;
    inputs.batch = toy_batch(samples, world.sequence_tokens);
    inputs.bias2_bits = plan.bias2_bits;
    CHECK(run_audit(job, inputs, world.model, world.settings).pass);
    inputs.batch.tokens[5] = (inputs.batch.tokens[5] + 1) % 128;
    const AuditReport report = run_audit(job, inputs, world.model, world.settings);
    INFO(report.reason);
    CHECK_FALSE(report.pass);
    CHECK(report.rho > 1e-2);
}

TEST_CASE("repeated steps trip the wire and fail the audit", "[verify]") {
    auto kept = std::make_shared<std::vector<float>>();
    Lie lie;  // the last half repeats step 2
    lie.gradient = [kept](uint32_t step, std::span<float> g) {
        if (step == 2) kept->assign(g.begin(), g.end());
        if (step > 2) std::copy(kept->begin(), kept->end(), g.begin());
    };
    const Outcome outcome = told(lie);
    REQUIRE(outcome.evidence.chain.has_value());
    CHECK(outcome.evidence.chain->pass);
    REQUIRE(outcome.evidence.tripwire.has_value());
    CHECK(outcome.evidence.tripwire->suspicious);
    CHECK(outcome.evidence.tripwire->suspect_steps == std::vector<uint32_t>{2, 3, 4, 5});
    CHECK(outcome.evidence.tripwire->reason.find("bit-equal") != std::string::npos);
    CHECK(outcome.verdict.suspicious);
    CHECK(outcome.verdict.ruling == Ruling::kRejected);  // 3 of 6 steps drawn, 3 bad
    CHECK(outcome.verdict.layer == Layer::kGradientAudit);
}

// The leaves name the peer: a chain that was made for another gives other roots, which is no
// answer.
TEST_CASE("a copied chain: the pair is found, and the copy cannot answer for itself", "[verify]") {
    VerifyWorld world;
    const RoundPlan plan = world.plan();
    std::vector<PeerRound> rounds;
    rounds.push_back(world.train(plan, 0));
    rounds.push_back(world.train(plan, 0));  // the colluder's whole chain, out of band
    const Assignment deal = world.assignment(plan);
    rounds[1].commit.assignment_digest = assignment_digest(deal.peers[1]);
    std::vector<PayloadEntries> entries;
    entries.reserve(rounds.size());
    for (const PeerRound& done : rounds) {
        entries.push_back(payload_entries(world.decoded(done)));
    }
    std::vector<SubmissionView> views;
    std::vector<Evidence> evidence;
    for (size_t i = 0; i < 2; ++i) {
        const Commit& commit = rounds[i].commit;
        views.push_back({plan.peers[i].id,
                         plan.round,
                         commit.states_root,
                         commit.trace_root,
                         commit.payload_hash,
                         &entries[i]});
        evidence.push_back(world.check(plan, i, rounds[i]));
    }
    const std::vector<PairFinding> findings = PayloadHistory().find_copies(
        views, compare_payloads(views), world.settings, tripwire_floor(world.settings), nullptr);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].proves_copy());
    for (Evidence& one : evidence) {
        one.copies = findings;
    }
    const std::vector<Verdict> verdicts = judge_round(evidence);
    INFO(verdicts[0].reason << " | " << verdicts[1].reason);
    CHECK(verdicts[0].ruling == Ruling::kAccepted);
    CHECK_FALSE(verdicts[0].suspicious);
    CHECK(is_unanswered(verdicts[1]));
    CHECK(verdicts[1].suspicious);
    CHECK(verdicts[1].reason.find("states root of its leaves") != std::string::npos);
}

}  // namespace assay
