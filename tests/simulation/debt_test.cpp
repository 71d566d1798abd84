// A challenge is a debt: whole runs in which peers are away when they should open, and in which one
// answers with garbage what would convict it. And that no order of what ends when changes the
// books.

#include "tests/simulation/passing.h"

namespace assay {

namespace {

// Away `ms` once in a while between COMMIT and opening, and the coordinator does not wait for it.
SimulationOptions absent(uint64_t seed, int64_t ms) {
    SimulationOptions options;
    options.seed = seed;
    options.rounds = 30;
    options.absence = 0.03;
    options.absence_ms = ms;
    options.debt_seconds = 600;
    options.audit_min_ppm = 100000;
    return options;
}

}  // namespace

// What a round's pay is and no more: all that was earned has vested, and nothing was taken.
TEST_CASE("an honest peer that is away in the opening loses that round's pay", "[simulation]") {
    uint64_t restarts = 0;
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        const int64_t away_ms = seed % 2 == 0 ? 75000 : 900;
        const SimulationReport report = passing(absent(seed, away_ms));
        for (const SimulatedPeer& peer : report.peers) {
            CAPTURE(seed, away_ms, peer.restarts, peer.verdict);
            CHECK(peer.forfeited == 0);
            CHECK_FALSE(peer.ejected);
            restarts += peer.restarts;
            if (away_ms == 900) {
                CHECK(peer.counted + 2 * peer.restarts >= report.rounds);
            }
        }
    }
    CHECK(restarts > 8);
}

TEST_CASE("away for longer than a challenge is open costs what a cheat loses", "[simulation]") {
    SimulationOptions options = absent(2, 75000);
    options.debt_seconds = 20;
    const SimulationReport report = run_simulation(options);
    CHECK_FALSE(report.ok);
    CHECK(report.failure.find("forfeited") != std::string::npos);
}

TEST_CASE("answering with garbage what would convict it earns a parasite nothing", "[simulation]") {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 60;
        options.peers = 3;
        options.attacks = {"parasite"};
        options.audit_min_ppm = 30000;
        const SimulationReport report = passing(options);
        const SimulatedPeer& cheat = report.peers.back();
        CAPTURE(seed, cheat.counted, cheat.vested, cheat.forfeited, cheat.verdict);
        REQUIRE(cheat.attack == "parasite");
        CHECK(cheat.counted >= 2);  // its honest rounds, whatever was drawn in them
        CHECK(cheat.cheat.cheated > 0);
        CHECK(cheat.ejected);
        CHECK(cheat.deposit == 0);
        CHECK(cheat.unvested == 0);
        // What has vested is less than what an honest peer of four gets for as much work.
        CAPTURE(cheat.cheat.work);
        CHECK(static_cast<double>(cheat.vested) <
              cheat.cheat.work / 4 * static_cast<double>(PaySettings{}.pool_per_round));
        CHECK(cheat.forfeited > 0);
        for (const SimulatedPeer& peer : report.peers) {
            CHECK((!peer.attack.empty() || peer.forfeited == 0));
        }
    }
}

TEST_CASE("audits, judging, departures and restarts in any order lead to sound books",
          "[simulation]") {
    for (const uint64_t seed : {40U, 41U, 43U, 44U}) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 14;
        options.peers = 3;
        options.attacks = {seed % 2 == 0 ? "lazy" : "other_data", "silent"};
        options.audit_min_ppm = seed % 4 < 2 ? 1000000 : 300000;
        options.peer_crash = 0.04;
        CAPTURE(seed);
        passing(options);
    }
}

TEST_CASE("the same in more orders", "[simulation][slow]") {
    for (uint64_t seed = 200; seed < 230; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 20;
        options.peers = 3;
        options.attacks = {seed % 2 == 0 ? "lazy" : "other_data", "silent", "scaled"};
        options.audit_min_ppm = seed % 4 < 2 ? 1000000 : 300000;
        // More of them and round 0 never ends: behind each, the silent one is waited for anew.
        options.coordinator_crash = 0.001;
        options.peer_crash = 0.05;
        options.faults = {0.03, 0.03, DurationMs{5}, DurationMs{150}, true};
        options.blob_failure = 0.03;
        CAPTURE(seed);
        passing(options);
    }
}

}  // namespace assay
