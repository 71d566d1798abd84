// Whole runs in one thread: seeds, faults, crashes. Every failure names its seed.

#include "tests/simulation/passing.h"

namespace assay {

namespace {

LinkFaults bad_network() {
    return {0.05, 0.05, DurationMs{5}, DurationMs{150}, true};
}

uint64_t counted(const SimulationReport& report) {
    uint64_t sum = 0;
    for (const SimulatedPeer& peer : report.peers) {
        sum += peer.counted;
    }
    return sum;
}

int64_t money(const SimulationReport& report) {
    int64_t sum = 0;
    for (const SimulatedPeer& peer : report.peers) {
        sum += peer.vested + peer.unvested + peer.deposit + peer.forfeited;
    }
    return sum;
}

}  // namespace

TEST_CASE("honest peers on a clean network: the loss falls and all are paid", "[simulation]") {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 12;
        const SimulationReport report = passing(options);
        CHECK(report.voided == 0);
        CHECK(report.loss_last < report.loss_first - 0.02F);
        CHECK(money(report) == 12 * PaySettings{}.pool_per_round);
    }
}

// At a low audit rate a suspicion must neither hold pay back nor lift the rate to certainty.
TEST_CASE("honest peers that are seldom audited are paid in full", "[simulation]") {
    uint64_t verdicts = 0;
    uint64_t suspicious = 0;
    double rate = 0;
    double planned = 0;
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 60;
        options.peers = 3;
        options.vest_rounds = 10;
        options.audit_min_ppm = 100000;
        const SimulationReport report = passing(options);
        for (const SimulatedPeer& peer : report.peers) {
            CHECK(peer.counted > 40);  // near the optimum the direction gate sees noise
            CHECK(peer.unvested == 0);
            CHECK(peer.deposit == 0);
        }
        CHECK(money(report) == 60 * PaySettings{}.pool_per_round);
        verdicts += report.verdicts;
        suspicious += report.suspicious;
        rate += report.audit_rate / 4;
        planned += report.audit_rate_without_suspicion / 4;
    }
    CAPTURE(suspicious, rate, planned);
    CHECK(verdicts == uint64_t{4} * 60 * 3);
    CHECK(static_cast<double>(suspicious) < 0.01 * static_cast<double>(verdicts));
    CHECK(rate < 1.1 * planned);
    CHECK(planned < 0.6);
}

TEST_CASE("the same seed is the same run", "[simulation]") {
    SimulationOptions options;
    options.seed = 5;
    options.rounds = 6;
    options.faults = bad_network();
    options.coordinator_crash = 0.01;
    const SimulationReport first = passing(options);
    const SimulationReport second = passing(options);
    CHECK(describe(first) == describe(second));
    CHECK(first.theta_root == second.theta_root);
    options.seed = 6;
    CHECK_FALSE(passing(options).theta_root == first.theta_root);
}

TEST_CASE("loss, reordering and duplication cost time, not money", "[simulation]") {
    for (uint64_t seed = 1; seed <= 2; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 10;
        options.faults = bad_network();
        options.blob_failure = 0.05;
        passing(options);
    }
}

// Its opening takes many times the T_c that a link of unknown speed is planned for.
TEST_CASE("an honest peer on a link far slower than assumed is counted and paid", "[simulation]") {
    SimulationOptions options;
    options.rounds = 8;
    options.slow_uplink = 20000;
    const SimulationReport report = passing(options);
    CHECK(report.voided == 0);
    CHECK(report.peers.front().counted == options.rounds);
}

TEST_CASE("tolerance classes, and each strategy, run the same rounds", "[simulation]") {
    SimulationOptions options;
    options.rounds = 8;
    SECTION("class fp32") {
        options.numeric_class = NumericClass::kFp32;
    }
    SECTION("diloco") {
        options.strategy = "diloco";
    }
    SECTION("average") {
        options.strategy = "average";
    }
    const SimulationReport report = passing(options);
    CHECK(report.voided == 0);
    CHECK(report.loss_last < report.loss_first);
}

TEST_CASE("audits at a low rate still settle and vest", "[simulation]") {
    SimulationOptions options;
    options.rounds = 16;
    options.audit_min_ppm = 30000;
    passing(options);
}

TEST_CASE("a coordinator that dies before any of its actions goes on", "[simulation]") {
    for (uint64_t seed = 1; seed <= 2; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 10;
        options.coordinator_crash = 0.02;
        const SimulationReport report = passing(options);
        CHECK(report.coordinator_restarts > 3);
    }
}

TEST_CASE("a disk that takes its time costs time, not money", "[simulation]") {
    for (const int64_t longest : {40, 400, 4000}) {
        SimulationOptions options;
        options.seed = static_cast<uint64_t>(longest);
        options.rounds = 10;
        options.storage_ms_max = longest;
        CAPTURE(longest);
        const SimulationReport report = passing(options);
        CHECK(report.voided == 0);
    }
}

// Its batches come to the disk wholly, in part or not at all; what was said before is durable.
TEST_CASE("a coordinator that dies while its disk is busy goes on", "[simulation]") {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 10;
        options.storage_ms_max = seed % 2 == 0 ? 300 : 2000;
        options.coordinator_crash = 0.02;
        options.snapshot_loss = 0.5;
        options.faults = bad_network();
        options.attacks = {"other_data"};
        const SimulationReport report = passing(options);
        CHECK(report.coordinator_restarts > 3);
        CHECK(report.misses == 0);
    }
}

// Whatever the wall clock says when a coordinator starts again, it goes on where its stamps ended.
TEST_CASE("a wall clock that is set forward and back costs nobody count or pay", "[simulation]") {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 10;
        options.coordinator_crash = 0.02;
        const SimulationReport right = passing(options);
        options.wild_clock = true;
        const SimulationReport wild = passing(options);
        CHECK(wild.coordinator_restarts > 3);
        CHECK(wild.voided == right.voided);
        CHECK(counted(wild) == counted(right));
        CHECK(money(wild) == money(right));
        CHECK(wild.simulated_ms < 2 * right.simulated_ms);
    }
}

// Each strategy has another outer state; audits that end late put shares to take out into it.
TEST_CASE("a coordinator that lost its newest snapshot takes the recorded step again",
          "[simulation]") {
    for (const char* strategy : {"sparseloco", "diloco", "average"}) {
        SimulationOptions options;
        options.strategy = strategy;
        options.rounds = 12;
        options.coordinator_crash = 0.02;
        options.snapshot_loss = 1;
        options.attacks = {"other_data"};
        CAPTURE(strategy);
        const SimulationReport report = passing(options);
        CHECK(report.steps_again >= 3);
    }
}

TEST_CASE("peers that die in mid-round come back, and their data goes on", "[simulation]") {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 12;
        options.peer_crash = 0.1;
        const SimulationReport report = passing(options);
        CHECK(report.rounds == 12);
    }
}

TEST_CASE("a late peer fetches the parameters and takes part", "[simulation]") {
    SimulationOptions options;
    options.rounds = 16;
    options.late_joiner = true;
    const SimulationReport report = passing(options);
    CHECK(report.peers.front().counted > 3);
    CHECK(report.peers.front().counted < 16);
}

// Death with a record just durable and nothing said on its account.
TEST_CASE("a death at every record boundary changes nobody's count or pay", "[simulation]") {
    SimulationOptions options;
    options.rounds = 3;
    options.peers = 2;
    options.vest_rounds = 2;
    const SimulationReport whole = passing(options);
    REQUIRE(whole.records > 60);
    for (uint64_t height = 1; height < whole.records; ++height) {
        options.crash_height = height;
        CAPTURE(height);
        const SimulationReport report = passing(options);
        CHECK(report.coordinator_restarts == 1);
        CHECK(report.voided == 0);
        CHECK(money(report) == money(whole));
        CHECK(counted(report) == counted(whole));
    }
}

TEST_CASE("the checks of the simulation can fail", "[simulation]") {
    SimulationOptions options;
    options.rounds = 8;
    std::string expected;
    SECTION("a cheat that no auditor looks at is paid") {
        options.attacks = {"other_data"};
        options.sabotage = Sabotage::kBlindAuditor;
        expected = "breaks audit.root";
    }
    SECTION("a replica that changes a value") {
        options.sabotage = Sabotage::kTornReplica;
        expected = "differs after round 2";
    }
    SECTION("a ledger in which a byte was changed") {
        options.sabotage = Sabotage::kForgedRecord;
        expected = "the ledger does not verify";
    }
    SECTION("a coordinator that gives one peer a larger share than its judge") {
        options.sabotage = Sabotage::kInventedShare;
        expected = "share in 1e-9 nat: the ledger says";
    }
    SECTION("a coordinator that is suspicious where its judge is not") {
        options.sabotage = Sabotage::kHiddenSuspicion;
        expected = ", verdict: the ledger says accepted by layer";
    }
    const SimulationReport report = run_simulation(options);
    CHECK_FALSE(report.ok);
    CHECK(report.failure.find("seed 1: ") == 0);
    CAPTURE(report.failure);
    CHECK(report.failure.find(expected) != std::string::npos);
}

TEST_CASE("everything at once, on more seeds", "[simulation][slow]") {
    for (uint64_t seed = 100; seed < 130; ++seed) {
        SimulationOptions options;
        options.seed = seed;
        options.rounds = 15;
        options.faults = bad_network();
        options.blob_failure = 0.05;
        options.coordinator_crash = 0.005;
        options.peer_crash = 0.03;
        options.attacks = {seed % 2 == 0 ? "lazy" : "scaled"};
        passing(options);
    }
}

}  // namespace assay
