// Runs that let everybody in, and keys that come by the hundred and do nothing: with a price of
// entry they change nothing at all.

#include <catch2/catch.hpp>

#include "tests/simulation/passing.h"

namespace assay {

namespace {

constexpr uint32_t kFlood = 1100;  // more keys than a run has members

SimulationOptions open_run(int64_t entry_work_bits, uint64_t seed) {
    SimulationOptions options;
    options.seed = seed;
    options.rounds = 24;
    options.peers = 3;
    options.late_joiner = true;  // an honest newcomer, while they come
    RunConfig config;
    config.inner.inner_steps = 4;
    config.verify.audit_steps = 2;
    config.pay.vest_rounds = 3;
    config.pay.verdict_window = 2;
    config.pay.audit_min_ppm = 200000;
    config.rounds.admit = "any";
    config.rounds.peers_min = 2;
    config.rounds.newcomers_per_minute = 100000;
    config.rounds.entry_work_bits = entry_work_bits;
    options.config = config;
    return options;
}

// All pools are theirs, nothing was taken, and whoever came late was let in.
void check_paid_in_full(const SimulationReport& report) {
    int64_t earned = 0;
    for (const SimulatedPeer& peer : report.peers) {
        CAPTURE(peer.counted, peer.vested, peer.forfeited, peer.verdict);
        CHECK(peer.forfeited == 0);
        CHECK(peer.unvested + peer.deposit == 0);
        CHECK(peer.counted > 0);
        CHECK_FALSE(peer.ejected);
        earned += peer.vested;
    }
    CHECK(report.voided == 0);
    CHECK(earned == static_cast<int64_t>(report.rounds) * PaySettings{}.pool_per_round);
}

}  // namespace

TEST_CASE("a flood of keys that pay nothing changes nothing in a run with entry work",
          "[simulation]") {
    for (uint64_t seed = 1; seed <= 2; ++seed) {
        SimulationOptions options = open_run(14, seed);
        const SimulationReport quiet = passing(options);
        options.strangers = kFlood;
        const SimulationReport flooded = passing(options);
        check_paid_in_full(flooded);
        REQUIRE(quiet.peers.size() == flooded.peers.size());
        for (size_t i = 0; i < quiet.peers.size(); ++i) {
            CHECK(flooded.peers[i].vested == quiet.peers[i].vested);
            CHECK(flooded.peers[i].counted == quiet.peers[i].counted);
        }
        CHECK(flooded.simulated_ms == quiet.simulated_ms);
        CHECK(flooded.records == quiet.records);
        CHECK(flooded.theta_root == quiet.theta_root);
    }
}

}  // namespace assay
