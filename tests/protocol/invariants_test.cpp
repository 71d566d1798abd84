// What a programmer promises of plans, layouts and bounds: each kind of promise is broken once, and
// is seen to stop the process. What a stranger sends breaks none (bounds_test.cpp).

#include <catch2/catch.hpp>

#include "protocol/beacon_chain.h"
#include "protocol/field_check.h"
#include "protocol/layout.h"
#include "protocol/limits.h"
#include "protocol/plan.h"
#include "tests/support/check_fires.h"

namespace assay {

using Catch::Contains;

TEST_CASE("a layout has no more tiles than messages can name, and no gap", "[protocol]") {
    ParameterLayout layout;
    layout.add("small", 3, 5);
    CHECK_THAT(fired_check([&] { layout.add("wide", uint64_t{1} << 40, uint64_t{1} << 40); }),
               Contains("kTilesMax"));
    layout.tensors.push_back({"behind a gap", 1, 5, 7});
    CHECK_THAT(fired_check([&] { (void)layout.tensor_of_tile(3); }), Contains("tile_count()"));
}

TEST_CASE("a weight is of a peer that trains", "[protocol]") {
    RoundPlan plan;
    plan.peers.resize(2);
    plan.peers[0].sequences_per_step = 2;
    CHECK(plan_weight(plan, plan.peers[0]) == Approx(0.1));
    CHECK_THAT(fired_check([&] { (void)plan_weight(plan, PlanPeer{}); }),
               Contains("sequences_per_step"));
}

TEST_CASE("bounds of a field are in order", "[protocol]") {
    CHECK_THAT(fired_check([] { (void)FieldCheck("Plan").number("round", 1, 3, 2); }),
               Contains("low"));
    CHECK_THAT(fired_check([] {
                   FieldCheck check("Plan");
                   const FieldCheck::Scope scope(check, nullptr);
               }),
               Contains("field != nullptr"));
}

TEST_CASE("a beacon chain has an element a round", "[protocol]") {
    CHECK_THAT(fired_check([] { (void)BeaconChain({}, limits::kRoundsMax + 1); }),
               Contains("kRoundsMax"));
    CHECK_THAT(fired_check([] { (void)BeaconChain({}, 5).element(6); }), Contains("length_"));
}

}  // namespace assay
