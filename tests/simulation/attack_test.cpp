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

struct Expected {
    std::string attack;
    std::string words;  // of the verdict
    bool ejected;
};

const std::vector<Expected>& expectations() {
    static const std::vector<Expected> kAll = {
        {"random", "of the payload", true},
        {"sign_flip", "codes of the payload differ", true},
        {"scaled", "scales of the payload", true},
        {"lazy", "gradient audit of step", true},
        {"other_data", "gradient audit of step", true},
        {"copycat", "does not open for its own assignment", true},
        {"stale", "base root", false},
        {"silent", "the opening did not come in time", true},
    };
    return kAll;
}

}  // namespace

TEST_CASE("every attack by name has an expectation", "[simulation]") {
    REQUIRE(expectations().size() == adversary_names().size());
    for (size_t i = 0; i < expectations().size(); ++i) {
        CHECK(expectations()[i].attack == adversary_names()[i]);
    }
}

void check_attack(const Expected& expected, uint64_t seed) {
    const SimulationReport report = attacked(expected.attack, seed);
    const SimulatedPeer& cheat = report.peers.back();
    CAPTURE(expected.attack, seed, cheat.verdict);
    REQUIRE(cheat.attack == expected.attack);
    CHECK(cheat.vested == 0);
    CHECK(cheat.verdict.find(expected.words) != std::string::npos);
    CHECK(cheat.ejected == expected.ejected);
    for (const SimulatedPeer& peer : report.peers) {
        CHECK((!peer.attack.empty() || (peer.forfeited == 0 && peer.counted >= 9)));
    }
}

TEST_CASE("each attack is found by its layer and vests nothing", "[simulation]") {
    for (const Expected& expected : expectations()) {
        check_attack(expected, 1);
    }
}

TEST_CASE("each attack on more seeds", "[simulation][slow]") {
    for (const Expected& expected : expectations()) {
        for (uint64_t seed = 2; seed <= 8; ++seed) {
            check_attack(expected, seed);
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
