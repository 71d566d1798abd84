// Simulated runs with a run file's rules: what is taken, what is scaled, and that they hold.

#include "simulation/scaled_rules.h"
#include "tests/simulation/passing.h"

namespace assay {

namespace {

// As configs/small.toml, as far as verdicts and money go.
RunConfig small_rules() {
    RunConfig config;
    config.inner.inner_steps = 20;
    config.inner.sequences_per_step = 16;
    config.data.sequence_tokens = 256;
    config.model.context = 256;
    config.verify.audit_steps = 5;
    config.pay.vest_rounds = 10;
    config.pay.verdict_window = 4;
    config.pay.audit_min_ppm = 100000;
    config.rounds.peers_min = 2;
    config.rounds.grace_ms = 30000;
    REQUIRE(check_config(config).ok());
    return config;
}

}  // namespace

TEST_CASE("a run file's rules are taken, and only sizes and times are the toy's", "[simulation]") {
    const RunConfig config = small_rules();
    const RoundRules rules = scaled_rules(config, 1000);
    CHECK(rules.inner_steps == 20);
    CHECK(rules.verify.audit_steps == 5);
    CHECK(rules.deadlines.grace.ms == 30000);
    CHECK(rules.sequence_tokens == kToySequenceTokens);
    CHECK(rules.base_sequences == kToyBaseSequences);
    PaySettings pay = config.pay;
    // 21,600 s are 264 rounds of 81.92 s; as many of 1.28 s.
    pay.debt_seconds = 338;
    CHECK(rules.pay == pay);
}

TEST_CASE("honest peers under a run file's rules are paid in full", "[simulation]") {
    SimulationOptions options;
    options.rounds = 24;
    options.peers = 3;
    options.config = small_rules();
    const SimulationReport report = passing(options);
    CHECK(report.audit_rate < 0.9);  // those of small.toml, not of the toy
    int64_t vested = 0;
    for (const SimulatedPeer& peer : report.peers) {
        CHECK(peer.cheat.committed == 24);
        CHECK(peer.cheat.work == 24);
        CHECK(peer.cheat.cheated == 0);
        vested += peer.vested;
    }
    CHECK(vested == 24 * PaySettings{}.pool_per_round);
}

TEST_CASE("what a cheat works is counted, and what is found of it", "[simulation]") {
    SimulationOptions options;
    options.rounds = 8;
    options.peers = 3;
    options.config = small_rules();
    options.attacks = {"lazy", "other_data"};
    const SimulationReport report = passing(options);
    const SimulatedPeer& lazy = report.peers[3];
    REQUIRE(lazy.strategy == "lazy");
    REQUIRE(lazy.cheat.committed > 0);
    CHECK(lazy.cheat.cheated == 1);  // what it began before it heard of it was not judged
    CHECK(lazy.cheat.work == 0.5 * static_cast<double>(lazy.cheat.committed));
    CHECK(lazy.cheat.found == 1);
    CHECK(lazy.came_in == 0U);
    REQUIRE(lazy.ejected_in.has_value());
    // p = 1 in the first round, in which 10 of 20 steps are false and 5 drawn.
    CHECK(lazy.cheat.expected > 0.98);
    const SimulatedPeer& other = report.peers[4];
    CHECK(other.cheat.work == static_cast<double>(other.cheat.committed));
    CHECK(other.cheat.cheated == 1);
    CHECK(other.cheat.found == 1);
}

TEST_CASE("a cheat that is let in no more comes back under a new key", "[simulation]") {
    SimulationOptions options;
    options.rounds = 12;
    options.peers = 3;
    options.config = small_rules();
    options.attacks = {"lazy_fresh"};
    options.luck = true;
    const SimulationReport report = passing(options);
    REQUIRE(report.peers.size() > 5);
    for (size_t i = 3; i < report.peers.size(); ++i) {
        CHECK(report.peers[i].strategy == "lazy_fresh");
        CHECK((report.peers[i].ejected || i + 1 == report.peers.size()));
    }
}

TEST_CASE("an honest peer in the place of a cheat is held to what honest ones are",
          "[simulation]") {
    SimulationOptions options;
    options.rounds = 8;
    options.peers = 2;
    options.attacks = {kHonest};
    const SimulationReport report = passing(options);
    REQUIRE(report.peers.size() == 3);
    CHECK(report.peers[2].attack.empty());
    CHECK(report.peers[2].vested > 0);
}

TEST_CASE("a run ends early once no cheat is let in any more", "[simulation]") {
    SimulationOptions options;
    options.rounds = 60;
    options.peers = 3;
    options.attacks = {"random"};
    options.until_ejected = true;
    const SimulationReport report = passing(options);
    CHECK(report.rounds < 8);
    CHECK(report.peers.back().ejected);
}

// Whoever stops by Ctrl-C finishes what it owes, and keeps what it earned whether it comes back.
TEST_CASE("peers that leave and join at any time lose nothing", "[simulation]") {
    uint64_t left = 0;
    uint64_t away = 0;  // rounds that the last joiner was not there
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 24;
        options.peers = 5;
        options.leave = 0.1;
        options.leave_ms = 20000;
        options.joiners = 2;
        options.audit_min_ppm = 100000;
        const SimulationReport report = passing(options);
        for (const SimulatedPeer& peer : report.peers) {
            left += peer.restarts;
        }
        away += report.rounds - report.peers[4].counted;
    }
    CHECK(away > 0);
    CHECK(left > 5);
}

}  // namespace assay
