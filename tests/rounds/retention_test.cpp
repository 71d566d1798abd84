// Which blobs the coordinator keeps, and when it lets them go. The driver itself checks that no
// action ever needs one that is gone.

#include "rounds/retention.h"

#include <catch2/catch.hpp>

#include "rounds/recollect.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

namespace {

// A run with data, whose copies are looked for in the two rounds before.
MachineDriver driver(uint32_t peers, uint64_t rounds) {
    MachineDriver d(peers, rounds);
    d.rules.peers_min = 1;
    d.rules.peers_start = peers;
    d.rules.verify.overlap_rounds = 2;
    d.rules.pay.verdict_window = 0;  // nothing stays for others (evidence_test.cpp)
    d.manifest.tokenizer = {MachineDriver::digest(1), 10, {}};
    d.manifest.data_manifest = {MachineDriver::digest(2), 10, {}};
    d.manifest.shards = {{MachineDriver::digest(3), 10, {}}};
    d.shelf.insert({MachineDriver::digest(1), MachineDriver::digest(2), MachineDriver::digest(3)});
    return d;
}

void begin(MachineDriver& d) {
    d.remake();
    d.begin();
}

constexpr size_t kRunBlobs = 3;

}  // namespace

TEST_CASE("the shelf holds as much after many rounds as after a few", "[coordinator]") {
    MachineDriver d = driver(2, 18);
    begin(d);
    size_t after_five = 0;
    while (d.machine->round().value + 1 < 18) {
        (void)d.run_round();
        after_five = d.machine->round().value == 5 ? d.shelf.size() : after_five;
    }
    // Of the run, theta; two aggregates and two rounds of two payloads each; and of the newest
    // round openings and states of audits whose verdicts came after its end.
    CHECK(after_five == kRunBlobs + 1 + 2 + 4 + 2 + 2);
    CHECK(d.shelf.size() == after_five);
    (void)d.run_round();
    CHECK(d.machine->finished());
    CHECK(d.shelf.count(d.blob(115)) == 1);  // for those that are still to apply it
    (void)d.restart();
    CHECK(d.shelf.count(MachineDriver::digest(3)) == 1);
}

TEST_CASE("the data of the run and the newest theta stay, the older one goes", "[coordinator]") {
    MachineDriver d = driver(2, 6);
    d.rules.fresh_moments = {MachineDriver::digest(4), 16384, {}};
    d.shelf.insert(d.rules.fresh_moments.sha256);
    begin(d);
    CHECK(d.shelf.count(d.rules.initial_theta.sha256) == 1);
    (void)d.run_round();
    CHECK(d.shelf.count(d.rules.initial_theta.sha256) == 0);
    CHECK(d.shelf.count(d.plan().theta.sha256) == 1);
    for (uint8_t data = 1; data <= 4; ++data) {
        CHECK(d.shelf.count(MachineDriver::digest(data)) == 1);
    }
}

TEST_CASE("openings go with their round; opening and states of an audit wait for its verdict",
          "[coordinator]") {
    MachineDriver d = driver(2, 12);
    begin(d);
    RoundJudged event = d.judged(d.run_to_judging());
    const Digest opening = d.blob(70);
    const Digest other = d.blob(71);
    const Digest state = d.blob(80);
    const Digest settled = d.blob(81);
    const AuditJob job = d.job(0);
    event.audits = {job};
    CHECK(d.shelf.count(opening) == 1);
    (void)d.step(event);
    CHECK(d.shelf.count(other) == 0);
    CHECK(d.shelf.count(settled) == 0);
    for (int i = 0; i < 5; ++i) {
        (void)d.run_round();
        CHECK(d.shelf.count(state) == 1);
        CHECK(d.shelf.count(opening) == 1);
    }
    (void)d.restart();
    CHECK(d.shelf.count(state) == 1);
    CHECK(d.shelf.count(opening) == 1);
    (void)d.report(job, true, 1);
    (void)d.run_round();
    CHECK(d.shelf.count(state) == 0);
    CHECK(d.shelf.count(opening) == 0);
}

TEST_CASE("what a judge must know after a restart is in the ledger, and its blobs on the shelf",
          "[coordinator]") {
    MachineDriver d = driver(2, 12);
    begin(d);
    for (int i = 0; i < 4; ++i) {
        (void)d.run_round();
    }
    RoundJudged event = d.judged(d.run_to_judging());
    const AuditJob job = d.job(1);
    event.audits = {job};
    (void)d.step(event);
    (void)d.restart();
    const Recollection past = recollect(d.machine->state(), d.rules.verify);
    REQUIRE(past.payloads.size() == 4);  // of the two rounds that copies are looked for in
    CHECK(past.payloads.front().round == RoundId{3});
    CHECK(past.payloads.back().round == RoundId{4});
    for (const OldPayload& old : past.payloads) {
        CHECK(d.shelf.count(old.blob.sha256) == 1);
    }
    REQUIRE(past.audits.size() == 1);
    CHECK(past.audits[0].job.peer == job.peer);
    CHECK(past.audits[0].beacon == d.machine->state().find(RoundId{4})->beacon->value);
    CHECK(d.shelf.count(past.audits[0].opening.sha256) == 1);
    CHECK(d.shelf.count(past.audits[0].payload.sha256) == 1);
}

TEST_CASE("payloads stay while a share may have to be taken out of a later aggregate",
          "[coordinator]") {
    MachineDriver d = driver(3, 12);
    begin(d);
    RoundJudged event = d.judged(d.run_to_judging());
    const std::vector<Digest> payloads{d.blob(50), d.blob(51), d.blob(52)};
    const auto here = [&] {
        return std::all_of(payloads.begin(), payloads.end(), [&](const Digest& payload) {
            return d.shelf.count(payload) == 1;
        });
    };
    const AuditJob job = d.job(0);
    event.audits = {job};
    (void)d.step(event);
    for (int i = 0; i < 4; ++i) {
        (void)d.run_round();
    }
    CHECK(here());
    (void)d.report(job, false, 1);
    (void)d.report(job, false, 2);
    REQUIRE(d.machine->state().take_backs().size() == 1);
    d.peers.erase(d.peers.begin());  // ejected
    const JudgeRound order = d.run_to_judging();
    REQUIRE(order.take_backs.size() == 1);
    CHECK(here());
    (void)d.step(d.judged(order));
    CHECK(here());  // in case that step must be taken again
    (void)d.run_round();
    CHECK_FALSE(here());
}

TEST_CASE("a restart sweeps what no record names, and nothing else", "[coordinator]") {
    MachineDriver d = driver(2, 6);
    begin(d);
    (void)d.run_round();
    (void)d.commit(0);
    (void)d.commit(1);
    d.shelf.insert({d.blob(50), d.blob(51)});  // here, and the process dies before it says so
    const Digest orphan = MachineDriver::digest(66);
    d.shelf.insert(orphan);
    std::set<Digest> expected = d.shelf;
    expected.erase(orphan);
    // Their audits passed since the last round ended.
    for (const uint8_t opened : {uint8_t{70}, uint8_t{71}, uint8_t{80}, uint8_t{81}}) {
        Digest of_round_0 = d.blob(opened);
        of_round_0.bytes[1] = 1;
        REQUIRE(expected.erase(of_round_0) == 1);
    }
    (void)d.restart();
    CHECK(d.shelf == expected);
}

TEST_CASE("whoever connects can fetch what it is told of", "[coordinator]") {
    MachineDriver d = driver(2, 9);
    begin(d);
    for (int i = 0; i < 6; ++i) {
        (void)d.run_round();
        const std::vector<Action> told = d.hello(0);  // the driver looks for the blobs
        CHECK(sent<RoundSummary>(told).size() == 1);
        CHECK(sent<RoundPlan>(told).size() == 1);
    }
}

}  // namespace assay
