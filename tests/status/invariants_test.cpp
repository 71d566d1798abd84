// What a programmer promises of a status: each kind of promise is broken once, and is seen to stop
// the process.

#include <catch2/catch.hpp>

#include "status/status_json.h"
#include "tests/support/check_fires.h"

namespace assay {

TEST_CASE("a status tells no debts, and no tokens of a voided round", "[status]") {
    CoordinatorStatus status;
    status.phase = "gathering";
    status.peers.resize(1);
    CHECK(fired_check([&] { (void)to_json(status); }).empty());
    status.peers[0].unvested = -1;
    CHECK_THAT(fired_check([&] { (void)to_json(status); }), Catch::Contains("unvested >= 0"));
    RoundStatus round;
    round.voided = true;
    round.tokens = 7;
    CHECK_THAT(fired_check([&] { (void)to_json(round); }), Catch::Contains("voided"));
}

}  // namespace assay
