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

TEST_CASE("a status that tells such things is refused when it is read", "[status]") {
    CoordinatorStatus status;
    status.peers.resize(1);
    status.peers[0].unvested = 41;
    std::string text = to_json(status);
    CHECK(coordinator_status_from_json(text).ok());
    text.replace(text.find(":41"), 3, ":-1");
    CHECK_THAT(coordinator_status_from_json(text).reason(), Catch::Contains("unvested"));
    RoundStatus round;
    round.tokens = 41;
    text = to_json(round);
    CHECK(round_status_from_json(text).ok());
    text.replace(text.find("\"voided\":false"), 14, "\"voided\":true");
    CHECK_THAT(round_status_from_json(text).reason(), Catch::Contains("voided"));
}

}  // namespace assay
