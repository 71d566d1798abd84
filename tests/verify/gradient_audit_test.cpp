// The gradient audit: what is refused, and how much each class tolerates.
#include "verify/gradient_audit.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "core/rng.h"
#include "tests/support/verify_world.h"

namespace assay {

namespace {

// Everything that an audit of step 2 of an honest peer needs; tests bend single parts of it.
struct Audit {
    explicit Audit(NumericClass numeric_class)
        : world(numeric_class, 1), plan(world.plan()), done(world.train(plan, 0)) {
        opening = *done.chain->build_opening(world.challenge(plan, 0, done));
        const Assignment deal = world.assignment(plan);
        const std::span<const uint64_t> samples = deal.peers[0].step(2, world.inner_steps);
        StepStates states;
        states.step = 2;
        job = make_audit_job(plan, plan.peers[0], done.commit, opening, states, samples);
        state = *done.chain->step_state(2);
        batch = toy_batch(samples, world.sequence_tokens);
        trace = trace_evidence(job.peer, opening, 2);
    }
    AuditReport run() {
        const bool exact = world.numeric_class == NumericClass::kExact;
        AuditInputs inputs;
        inputs.theta = state.theta;
        inputs.g = exact ? std::span<const float>() : state.g;
        inputs.v = exact ? std::span<const float>() : state.v;
        inputs.batch = batch;
        inputs.trace = trace;
        inputs.adam = world.adam;
        inputs.bias2_bits = plan.bias2_bits;
        return run_audit(job, inputs, world.model, world.settings);
    }
    // As if the peer had committed to its present state: leaf, path and roots are made anew.
    void commit_again() {
        job.leaf.theta_root = tiles_root(state.theta);
        job.leaf.g_root = tiles_root(state.g);
        if (world.numeric_class != NumericClass::kExact) {
            job.leaf.v_root = tiles_root(state.v);
        }
        std::vector<Digest> leaves(7);
        leaves[2] = state_leaf_digest(job.peer, 2, job.leaf);
        const MerkleTree tree(leaves);
        job.states_root = tree.root();
        job.leaf_path = tree.path(2);
    }
    VerifyWorld world;
    RoundPlan plan;
    PeerRound done;
    Opening opening;
    AuditJob job;
    StepState state;
    TokenBatch batch;
    TraceEvidence trace;
};

void check_fails(Audit& audit, const std::string& words) {
    const AuditReport report = audit.run();
    INFO(report.reason);
    CHECK_FALSE(report.pass);
    CHECK(report.reason.find(words) != std::string::npos);
    CHECK(report.job == audit_job_digest(audit.job));
}

}  // namespace

TEST_CASE("an honest step passes its audit in every class", "[verify]") {
    for (const NumericClass numeric_class :
         {NumericClass::kExact, NumericClass::kFp32, NumericClass::kTf32, NumericClass::kBf16}) {
        Audit audit(numeric_class);
        const AuditReport report = audit.run();
        INFO(report.reason);
        CHECK(report.pass);
        CHECK(report.recomputed_root == audit.job.leaf.g_root);
        CHECK(report.rho == 0);
        CHECK(report.alpha == Approx(1));
        audit.commit_again();
        CHECK(audit.run().pass);
    }
}

TEST_CASE("an audit refuses states that are not the committed ones", "[verify]") {
    Audit theta(NumericClass::kFp32);
    theta.state.theta[100] += 1e-6F;
    check_fails(theta, "root of the opened theta");
    Audit g(NumericClass::kFp32);
    g.state.g[100] += 1e-6F;
    check_fails(g, "root of the opened g");
    Audit v(NumericClass::kFp32);
    v.state.v[100] += 1e-6F;
    check_fails(v, "root of the opened v");
    Audit size(NumericClass::kFp32);
    size.state.v.pop_back();
    check_fails(size, "values, not");
    Audit path(NumericClass::kExact);
    path.job.leaf_path.siblings[0].bytes[3] ^= 1U;
    check_fails(path, "not under the states root");
    Audit other_step(NumericClass::kExact);
    other_step.job.step = 3;
    check_fails(other_step, "not under the states root");
    Audit trace(NumericClass::kExact);
    trace.trace.step.mean_loss += 1;
    check_fails(trace, "not under the trace root");
    Audit batch(NumericClass::kExact);
    batch.job.samples[0] += 1;
    check_fails(batch, "batch id");
    Audit short_batch(NumericClass::kExact);
    short_batch.batch.tokens.pop_back();
    check_fails(short_batch, "does not hold the job's samples");
}

TEST_CASE("numbers that are not finite are a failed report, not a crash", "[verify]") {
    Audit audit(NumericClass::kFp32);
    audit.state.g[5] = std::numeric_limits<float>::quiet_NaN();
    audit.commit_again();
    check_fails(audit, "not finite");
    Audit theta(NumericClass::kExact);
    theta.state.theta[5] = std::numeric_limits<float>::infinity();
    theta.commit_again();
    check_fails(theta, "not finite");
}

TEST_CASE("class exact: one bit of one value fails", "[verify]") {
    Audit audit(NumericClass::kExact);
    audit.state.g[100] = std::nextafter(audit.state.g[100], 1.0F);
    audit.commit_again();
    check_fails(audit, "committed gradient root");
}

TEST_CASE("class fp32: noise of its size passes, ten times that fails", "[verify]") {
    for (const double size : {3e-6, 3e-5}) {
        Audit audit(NumericClass::kFp32);
        CounterRng rng(derive_seed(Digest{}, "noise"));
        for (float& x : audit.state.g) {
            x *= 1 + static_cast<float>(size * rng.normal());
        }
        audit.commit_again();
        const AuditReport report = audit.run();
        INFO(report.reason);
        CHECK(report.pass == (size < 1e-5));
        CHECK(report.rho == Approx(size).epsilon(0.5));
    }
}

TEST_CASE("class fp32: a longer gradient fails by alpha, one chunk by its own error", "[verify]") {
    Audit longer(NumericClass::kFp32);
    longer.world.settings.fp32.rho = 1;  // alpha alone
    for (float& x : longer.state.g) {
        x *= 1.00001F;
    }
    longer.commit_again();
    check_fails(longer, "|alpha - 1|");
    Audit chunk(NumericClass::kFp32);
    chunk.world.settings.fp32.rho = 1;
    chunk.world.settings.fp32.alpha = 1;
    for (size_t i = 0; i < 128; ++i) {
        chunk.state.g[8 * kTileValues + i] *= 1.001F;  // bias
    }
    chunk.commit_again();
    check_fails(chunk, "error of tensor bias");
}

TEST_CASE("a quiet value counts as AdamW feels it", "[verify]") {
    // A value that never had a gradient: sqrt(v) is 0, and a tiny push moves it by nearly half a
    // learning rate. In the plain norm it is lost.
    ParameterLayout layout;
    layout.add("w", 2, kTileValues);
    std::vector<float> g(layout.value_count(), 1.0F);
    std::vector<float> v(layout.value_count(), 1.0F);
    g[9] = v[9] = 0;
    std::vector<float> pushed = g;
    pushed[9] = 1e-9F;
    const GradientFigures figures = compare_gradients(layout, pushed, g, v, 1, 1e-8F);
    CHECK(figures.rho_plain < 1e-10);
    CHECK(figures.rho > 1e-3);
    CHECK(figures.worst_chunk == 0);
}

TEST_CASE("a false loss in the trace fails the audit", "[verify]") {
    Audit audit(NumericClass::kExact);
    audit.trace.step.sequence_losses[1] =
        std::nextafter(audit.trace.step.sequence_losses[1], 100.0F);
    std::vector<Digest> leaves(3);
    leaves[2] = trace_leaf_digest(audit.job.peer, 2, audit.trace.step);
    const MerkleTree tree(leaves);
    audit.job.trace_root = tree.root();
    audit.trace.path = tree.path(2);
    check_fails(audit, "committed loss of sequence 1");
}

TEST_CASE("figures: no gradient at all agrees, a gradient against none does not", "[verify]") {
    ParameterLayout layout;
    layout.add("w", 2, kTileValues);
    std::vector<float> none(layout.value_count());
    std::vector<float> some = none;
    some[7] = 1;
    const GradientFigures equal = compare_gradients(layout, none, none, none, 1, 1e-8F);
    CHECK(equal.rho == 0);
    CHECK(equal.alpha == 1);
    const GradientFigures invented = compare_gradients(layout, some, none, none, 1, 1e-8F);
    CHECK(std::isinf(invented.rho));
    CHECK(std::isinf(invented.rho_worst_chunk));
    CHECK(invented.worst_chunk == 0);
}

}  // namespace assay
