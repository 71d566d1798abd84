// An honest peer passes every layer, round after round, with carried moments and error feedback.
#include <catch2/catch.hpp>

#include "tests/support/verify_world.h"

namespace assay {

namespace {

void run_rounds(NumericClass numeric_class, int count) {
    VerifyWorld world(numeric_class);
    const std::vector<uint64_t> samples = {1, 2, 3, 4, 5, 6, 7, 8};
    const TokenBatch held_out = toy_batch(samples, world.sequence_tokens, true);
    const float loss_before = world.model.losses(world.theta, held_out)[0];
    for (int round = 0; round < count; ++round) {
        const RoundPlan plan = world.plan();
        std::vector<PeerRound> rounds;
        std::vector<Evidence> evidence;
        for (size_t i = 0; i < world.peers.size(); ++i) {
            rounds.push_back(world.train(plan, i));
            evidence.push_back(world.check(plan, i, rounds.back()));
        }
        for (const Verdict& verdict : judge_round(evidence)) {
            INFO(verdict.reason);
            CHECK(verdict.ruling == Ruling::kAccepted);
            CHECK(verdict.peer != PeerId{});
            CHECK_FALSE(verdict.evidence.is_zero());
        }
        for (const Evidence& one : evidence) {
            REQUIRE(one.chain.has_value());
            CHECK(one.chain->chunks_checked == world.model.layout().tile_count());
            CHECK(one.chain->chains_checked == 4);
            CHECK(one.audits.size() == 3);
        }
        world.finish(plan, rounds);
    }
    CHECK(world.model.losses(world.theta, held_out)[0] < loss_before - 0.05F);
}

}  // namespace

TEST_CASE("honest peers pass all layers over rounds, class exact", "[verify]") {
    run_rounds(NumericClass::kExact, 4);
}

TEST_CASE("honest peers pass all layers over rounds, class fp32", "[verify]") {
    run_rounds(NumericClass::kFp32, 3);
}

TEST_CASE("an honest verdict says what was checked", "[verify]") {
    VerifyWorld world;
    const RoundPlan plan = world.plan();
    PeerRound done = world.train(plan, 0);
    const Verdict verdict = judge(world.check(plan, 0, done));
    CHECK(verdict.reason.find("9 chunks and 4 chains bit-equal") != std::string::npos);
    CHECK(verdict.reason.find("3 audited steps agree") != std::string::npos);
}

TEST_CASE("states regenerated from the gradients are the recorded ones, in any order", "[verify]") {
    VerifyWorld world(NumericClass::kFp32, 1);
    const RoundPlan plan = world.plan();
    PeerRound done = world.train(plan, 0);
    for (const uint32_t step : {3U, 5U, 0U, 3U}) {
        const Result<StepState> state = done.chain->step_state(step);
        REQUIRE(state.ok());
        const StateLeaf& leaf = done.chain->states()[step];
        CHECK(tiles_root(state->theta) == leaf.theta_root);
        CHECK(tiles_root(state->g) == leaf.g_root);
        CHECK(tiles_root(state->v) == leaf.v_root);
    }
    CHECK_FALSE(done.chain->step_state(world.inner_steps).ok());
}

}  // namespace assay
