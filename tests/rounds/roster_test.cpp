// Rosters: order, and B_i from speed within its bounds.

#include "rounds/roster.h"

#include <catch2/catch.hpp>

namespace assay {

namespace {

PeerId peer(uint8_t number) {
    PeerId id;
    id.key[0] = number;
    return id;
}

RoundRules rules() {
    RoundRules rules;
    rules.base_sequences = 8;
    rules.speed_span = 4;
    rules.peers_max = 3;
    return rules;
}

Candidate candidate(uint8_t number, uint64_t speed, uint32_t tenure, uint32_t counted) {
    return {peer(number), NumericClass::kExact, speed, tenure, counted};
}

}  // namespace

TEST_CASE("sequences follow speed over the median, between bounds", "[coordinator]") {
    const std::vector<RosterLine> roster = choose_roster(
        {candidate(3, 400, 5, 8), candidate(1, 1000, 5, 8), candidate(2, 9000, 5, 8)}, rules());
    REQUIRE(roster.size() == 3);
    CHECK(roster[0].peer == peer(1));
    CHECK(roster[0].sequences_per_step == 8);   // the median
    CHECK(roster[1].sequences_per_step == 16);  // at most twice what last counted
    CHECK(roster[2].sequences_per_step == 3);   // 8 * 0.4, rounded
}

TEST_CASE("a newcomer gets at most the base, whatever it claims", "[coordinator]") {
    const std::vector<RosterLine> roster =
        choose_roster({candidate(1, 1000, 5, 8), candidate(2, ~uint64_t{0}, 0, 0)}, rules());
    CHECK(roster[1].sequences_per_step == 8);
}

TEST_CASE("sequences are whole grains, and at least one", "[coordinator]") {
    RoundRules grained = rules();
    grained.grain_sequences = 4;
    const std::vector<RosterLine> roster = choose_roster(
        {candidate(1, 1000, 5, 8), candidate(2, 1000, 5, 8), candidate(3, 1, 5, 1)}, grained);
    CHECK(roster[0].sequences_per_step == 8);
    CHECK(roster[2].sequences_per_step == 4);
}

TEST_CASE("too many candidates: the longest tenure stays", "[coordinator]") {
    const std::vector<RosterLine> roster = choose_roster({candidate(1, 0, 1, 0),
                                                          candidate(2, 0, 9, 0),
                                                          candidate(3, 0, 5, 0),
                                                          candidate(4, 0, 7, 0)},
                                                         rules());
    REQUIRE(roster.size() == 3);
    CHECK(roster[0].peer == peer(2));
    CHECK(roster[1].peer == peer(3));
    CHECK(roster[2].peer == peer(4));
}

}  // namespace assay
