// Whole runs in one thread: seeds, attacks, faults, crashes. Every failure names its seed.

#include "simulation/simulation.h"

#include <catch2/catch.hpp>

#include "adversaries/adversary.h"

namespace assay {

namespace {

SimulationReport passing(const SimulationOptions& options) {
    SimulationReport report = run_simulation(options);
    INFO(describe(report));
    CHECK(report.ok);
    return report;
}

const SimulatedPeer& adversary_of(const SimulationReport& report) {
    for (const SimulatedPeer& peer : report.peers) {
        if (!peer.attack.empty()) {
            return peer;
        }
    }
    return report.peers.front();
}

LinkFaults bad_network() {
    return {0.05, 0.05, DurationMs{5}, DurationMs{150}, true};
}

}  // namespace

TEST_CASE("honest peers on a clean network: the loss falls and all are paid", "[simulation]") {
    SimulationOptions options;
    options.rounds = 12;
    const SimulationReport report = passing(options);
    CHECK(report.voided == 0);
    CHECK(report.loss_last < report.loss_first);
    WARN(describe(report));
}

TEST_CASE("each attack vests nothing, on each of some seeds", "[simulation]") {
    for (const std::string& attack : adversary_names()) {
        for (uint64_t seed = 1; seed <= 3; ++seed) {
            SimulationOptions options;
            options.seed = seed;
            options.rounds = 10;
            options.peers = 3;
            options.attacks = {attack};
            CAPTURE(attack, seed);
            const SimulationReport report = passing(options);
            WARN(adversary_of(report).verdict);
        }
    }
}

TEST_CASE("loss, reordering and duplication cost time, not money", "[simulation]") {
    SimulationOptions options;
    options.rounds = 10;
    options.faults = bad_network();
    WARN(describe(passing(options)));
}

}  // namespace assay
