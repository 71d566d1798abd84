// Each attack in whole runs: which layer decides, and that nothing is paid for it.

#include <catch2/catch.hpp>

#include "adversaries/adversary.h"
#include "simulation/simulation.h"

namespace assay {

namespace {

SimulationReport attacked(const std::string& attack, uint64_t seed) {
    SimulationOptions options;
    options.seed = seed;
    options.rounds = 10;
    options.peers = 3;
    options.attacks = {attack};
    SimulationReport report = run_simulation(options);
    CAPTURE(attack, seed);
    INFO(describe(report));
    CHECK(report.ok);
    return report;
}

}  // namespace

void check_attack(const std::string& attack, uint64_t seed) {
    const SimulationReport report = attacked(attack, seed);
    const SimulatedPeer& cheat = report.peers.back();
    CAPTURE(attack, seed, cheat.verdict);
    REQUIRE(cheat.attack == attack);
    REQUIRE(deciding_layer(attack).has_value());
    CHECK(cheat.vested == 0);
    if (attack != "old_opening") {  // where the draw is the same, the chain says that it is old
        CHECK(cheat.rejected_by == deciding_layer(attack));
    }
    CHECK(cheat.ejected);  // stale: by its third fault
    for (const SimulatedPeer& peer : report.peers) {
        CHECK((!peer.attack.empty() || (peer.forfeited == 0 && peer.counted >= 9)));
    }
}

TEST_CASE("each attack is found by its layer and vests nothing", "[simulation]") {
    for (const std::string& attack : adversary_names()) {
        check_attack(attack, 1);
    }
}

TEST_CASE("each attack on more seeds", "[simulation][slow]") {
    for (const std::string& attack : adversary_names()) {
        for (uint64_t seed = 2; seed <= 8; ++seed) {
            check_attack(attack, seed);
        }
    }
}

TEST_CASE("a copycat's colluder, whose chain opens, is paid", "[simulation]") {
    const SimulationReport report = attacked("copycat", 7);
    for (const SimulatedPeer& peer : report.peers) {
        if (peer.attack.empty()) {
            CHECK(peer.counted >= 9);
            CHECK(peer.vested > 0);
        }
    }
}

// The copycat comes when the peer that leaks its triple to it is audited in few rounds: no audit
// then says whose work it is, and the copy's own opening must.
TEST_CASE("a colluder that leaks to a late copycat and is seldom audited is paid", "[simulation]") {
    uint64_t found = 0;
    for (uint64_t seed = 1; seed <= 6; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 16;
        options.peers = 3;
        options.attacks = {"copycat"};
        options.audit_min_ppm = 30000;
        options.late_joiner = true;
        options.late_leak = true;
        const SimulationReport report = run_simulation(options);
        CAPTURE(seed);
        INFO(describe(report));
        CHECK(report.ok);
        CHECK(report.voided == 0);
        const SimulatedPeer& cheat = report.peers.back();
        // A copycat that waited for its leak through two rounds as a newcomer may be sent away
        // first.
        CHECK(cheat.counted == 0);
        CHECK(cheat.vested == 0);
        CHECK(cheat.ejected == (cheat.rejected_by == deciding_layer("copycat")));
        found += cheat.ejected ? 1 : 0;
        CHECK(report.peers[0].counted > 3);  // the late joiner
        for (size_t i = 0; i < 3; ++i) {
            CHECK(report.peers[i].verdict.empty());  // never gated
            CHECK(report.peers[i].vested > 0);
        }
        CHECK(report.peers[1].counted == options.rounds);
        CHECK(report.peers[2].counted == options.rounds);
    }
    CHECK(found >= 5);
}

// It commits the first honest peer's states root in every round, and is refused for its form. At a
// low audit rate no audit says whose work it is; none is needed.
TEST_CASE("whom a framer commits the work of is counted and paid in every round", "[simulation]") {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 16;
        options.peers = 3;
        options.attacks = {"framer"};
        options.audit_min_ppm = 30000;
        const SimulationReport report = run_simulation(options);
        CAPTURE(seed);
        INFO(describe(report));
        CHECK(report.ok);
        CHECK(report.peers.back().counted == 0);
        CHECK(report.peers.back().rejected_by == Layer::kForm);
        CHECK(report.suspicious == 3);  // all of them its own: the third fault ejects it
        CHECK(report.audit_rate < 0.8);
        for (const SimulatedPeer& peer : report.peers) {
            if (peer.attack.empty()) {
                CHECK(peer.counted == options.rounds);
                CHECK(peer.verdict.empty());
                CHECK(peer.unvested == 0);
                CHECK(peer.deposit == 0);
            }
        }
    }
}

TEST_CASE("several cheats at once among few honest peers", "[simulation]") {
    SimulationOptions options;
    options.rounds = 10;
    options.peers = 3;
    options.attacks = {"random", "lazy", "stale", "silent"};
    options.faults = {0.02, 0.02, DurationMs{5}, DurationMs{80}, true};
    const SimulationReport report = run_simulation(options);
    INFO(describe(report));
    CHECK(report.ok);
}

}  // namespace assay
