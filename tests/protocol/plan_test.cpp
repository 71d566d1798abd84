// What follows from a plan or a summary alone.

#include "protocol/plan.h"

#include <catch2/catch.hpp>

namespace assay {
namespace {

PeerId peer_id(uint8_t number) {
    PeerId id;
    id.key.fill(number);
    return id;
}

// One peer of this tenure and batch beside one whose batch is the largest.
double weight_of(uint32_t tenure, uint32_t sequences, uint32_t largest) {
    RoundPlan plan;
    plan.peers.resize(2);
    plan.peers[0].tenure_rounds = tenure;
    plan.peers[0].sequences_per_step = sequences;
    plan.peers[1].sequences_per_step = largest;
    return plan_weight(plan, plan.peers[0]);
}

}  // namespace

TEST_CASE("weights ramp up with tenure and follow tokens", "[plan]") {
    CHECK(weight_of(0, 100, 100) == 0.1);
    CHECK(weight_of(4, 50, 100) == 0.25);
    CHECK(weight_of(9, 100, 100) == 1.0);
    CHECK(weight_of(1000, 100, 100) == 1.0);
}

TEST_CASE("a peer is found by its id, and has H B T tokens", "[plan]") {
    RoundPlan plan;
    plan.inner_steps = 3;
    plan.sequence_tokens = 7;
    plan.peers.resize(2);
    plan.peers[0].id = peer_id(1);
    plan.peers[1].id = peer_id(2);
    plan.peers[1].sequences_per_step = 5;
    CHECK(find_peer(plan, peer_id(3)) == nullptr);
    REQUIRE(find_peer(plan, peer_id(2)) == &plan.peers[1]);
    CHECK(assigned_tokens(plan, plan.peers[1]) == 105);
}

TEST_CASE("only what counted is counted", "[plan]") {
    RoundSummary summary;
    summary.entries = {{peer_id(1), CommitOutcome::kCounted, ""},
                       {peer_id(2), CommitOutcome::kGated, "why"}};
    CHECK(is_counted(summary, peer_id(1)));
    CHECK_FALSE(is_counted(summary, peer_id(2)));
    CHECK_FALSE(is_counted(summary, peer_id(3)));
    CHECK(find_entry(summary, peer_id(2))->reason == "why");
    CHECK(find_entry(summary, peer_id(3)) == nullptr);
    CHECK(in_words(RoundId{7}) == "round 7");
}

}  // namespace assay
