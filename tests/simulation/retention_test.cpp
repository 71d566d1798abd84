// Hundreds of rounds: stores stay as small as after the first ones, and nobody ever misses a blob.

#include <algorithm>
#include <catch2/catch.hpp>

#include "simulation/simulation.h"

namespace assay {

namespace {

// Payloads as far back as copies are looked for by a round in its verdict window, and of the round
// that runs; openings and states of that round, of those in their window, and of those whose audits
// go on, which take as long as some rounds; three aggregates, theta before and after.
uint64_t blobs_allowed(uint64_t peers) {
    const VerifySettings verify;
    const auto looked_back = static_cast<uint64_t>(verify.overlap_rounds);
    const uint64_t states = 2;  // audit_steps of a simulated run
    const uint64_t window = 3;  // pay.verdict_window of one
    const uint64_t rounds_audited = 4;
    return (looked_back + window + 1) * peers +
           (1 + std::max(window, rounds_audited)) * (1 + states) * peers + 3 + 2;
}

// Payload, opening and states of two rounds, an aggregate, theta.
constexpr uint64_t kPeerBlobsAllowed = 2 * (1 + 1 + 2) + 2;

// Of a challenge that is open, and may be for pay.debt_rounds rounds, and of a round of before a
// restart of which nobody has said yet whether it is owed: payload, opening, states, base tiles.
constexpr uint64_t kOwedBlobs = uint64_t{5} * (1 + 1 + 2 + 1);

SimulationReport bounded(const SimulationOptions& options) {
    const uint64_t peers = options.peers + options.attacks.size();
    const bool owes = options.peer_crash > 0 || !options.attacks.empty();
    const uint64_t owed = owes ? kOwedBlobs : 0;
    SimulationReport report = run_simulation(options);
    INFO(describe(report));
    CHECK(report.ok);
    CHECK(report.rounds == options.rounds);
    CHECK(report.blobs_most <= blobs_allowed(peers) + owed * peers);
    CHECK(report.peer_blobs_most <= kPeerBlobsAllowed + owed);
    return report;
}

}  // namespace

TEST_CASE("stores do not grow over hundreds of rounds, and no blob is missed", "[simulation]") {
    SimulationOptions options;
    options.rounds = 200;
    options.peers = 2;
    const SimulationReport report = bounded(options);
    CHECK(report.misses == 0);
    CHECK(report.blobs_most > 20);  // they are filled as far as they may be
}

TEST_CASE("late verdicts find the payloads of their rounds", "[simulation]") {
    SimulationOptions options;
    options.rounds = 60;
    options.peers = 3;
    options.attacks = {"lazy", "other_data", "copycat"};
    CHECK(bounded(options).misses == 0);
}

TEST_CASE("a coordinator that dies again and again keeps what it needs, and no more",
          "[simulation]") {
    SimulationOptions options;
    options.rounds = 24;
    options.peers = 2;
    options.attacks = {"lazy"};
    options.coordinator_crash = 0.02;
    const SimulationReport report = bounded(options);
    CHECK(report.coordinator_restarts > 5);
    CHECK(report.misses == 0);
}

TEST_CASE("stores under every fault at once", "[simulation][slow]") {
    SimulationOptions options;
    options.rounds = 150;
    options.faults = {0.05, 0.05, DurationMs{5}, DurationMs{150}, true};
    options.blob_failure = 0.05;
    options.coordinator_crash = 0.005;
    options.peer_crash = 0.03;
    options.attacks = {"scaled"};
    bounded(options);
}

}  // namespace assay
