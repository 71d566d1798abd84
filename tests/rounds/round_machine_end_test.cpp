// RoundMachine at the end of a run, behind a restart, and before what has no place in it.

#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "rounds/round_machine.h"
#include "tests/rounds/action_order.h"

namespace assay {

TEST_CASE("a run ends when its last audit is answered, and all that is proven vests",
          "[coordinator]") {
    MachineDriver d(2, 3);
    d.begin();
    (void)d.run_round();
    (void)d.run_round();
    RoundJudged event = d.judged(d.run_to_judging());
    event.audits = {d.job(0), d.job(1)};
    CHECK(actions_of<RunFinished>(d.step(event)).empty());
    CHECK(d.machine->phase() == RoundPhase::kClosed);
    CHECK(actions_of<RunFinished>(d.report(event.audits[0], true, 1)).empty());
    const std::vector<Action> end = d.report(event.audits[1], true, 1);
    REQUIRE(actions_of<RunFinished>(end).size() == 1);
    CHECK(actions_of<RunFinished>(end)[0].complete);
    CHECK(sent<Goodbye>(end).size() == 1);
    CHECK(position<Persist>(end) < spoken<Goodbye>(end));
    int64_t vested = 0;
    for (const auto& [peer, book] : d.machine->state().books().peers()) {
        vested += book.escrow.vested();
        CHECK(book.escrow.unvested_total() == 0);
        CHECK(book.escrow.deposit() == 0);
    }
    CHECK(vested == 3 * d.rules.pay.pool_per_round);
    CHECK(d.step(Tick{}).empty());
    CHECK(actions_of<RunFinished>(d.restart()).size() == 1);
}

TEST_CASE("a stop is no end: the run goes on from its ledger", "[coordinator]") {
    MachineDriver d;
    d.begin();
    (void)d.commit(0);
    const std::vector<Action> stopped = d.step(StopRequested{});
    REQUIRE(actions_of<RunFinished>(stopped).size() == 1);
    CHECK_FALSE(actions_of<RunFinished>(stopped)[0].complete);
    (void)d.restart();
    CHECK(d.machine->phase() == RoundPhase::kGathering);
    CHECK(d.machine->state().current()->commits.size() == 1);
}

TEST_CASE("a restarted machine goes on in the phase it died in", "[coordinator]") {
    MachineDriver d;
    d.begin();
    (void)d.commit(0);
    d.now = d.now + DurationMs{5 * int64_t{3600000}};  // far behind D1
    (void)d.restart();
    CHECK(d.machine->phase() == RoundPhase::kGathering);
    CHECK(*d.machine->wake_at() > d.now);  // the missing ones get their grace
    CHECK(sent<RoundPlan>(d.hello(0)).size() == 1);
    (void)d.hello(1);
    (void)d.commit(1);
    (void)d.payload(0);
    (void)d.restart();
    CHECK(d.machine->phase() == RoundPhase::kUploading);
    d.hello_all();
    (void)d.payload(1);
    CHECK(d.machine->phase() == RoundPhase::kChallenging);
    (void)d.opening(0);
    (void)d.restart();
    CHECK(d.machine->phase() == RoundPhase::kChallenging);
    const std::vector<Action> again = d.hello(1);
    CHECK(sent<Beacon>(again).size() == 1);
    const std::vector<JudgeRound> order = actions_of<JudgeRound>(d.opening(1));
    REQUIRE(order.size() == 1);
    const std::vector<JudgeRound> repeated = actions_of<JudgeRound>(d.restart());
    REQUIRE(repeated.size() == 1);
    CHECK(repeated[0].beacon == order[0].beacon);
    RoundJudged event = d.judged(order[0]);
    event.audits = {d.job(0)};
    (void)d.step(event);
    const std::vector<Action> restarted = d.restart();
    CHECK(d.machine->round() == RoundId{1});
    CHECK(actions_of<RunAudit>(restarted).size() == 1);
}

TEST_CASE("a restart between CLOSE and beacon says CLOSE again and reveals", "[coordinator]") {
    MachineDriver d;
    d.begin();
    (void)d.commit(0);
    (void)d.commit(1);
    (void)d.payload(0);
    (void)d.payload(1);
    std::vector<Record>& stored = d.ledger->stored();
    REQUIRE(stored.back().kind == RecordKind::kBeacon);
    stored.pop_back();
    const std::vector<Action> actions = d.restart();
    CHECK(d.machine->phase() == RoundPhase::kChallenging);
    CHECK(sent<Beacon>(actions).size() == 1);
    CHECK(d.records().back().kind == RecordKind::kBeacon);
}

TEST_CASE("a restart at any record boundary gives the same state as never having died",
          "[coordinator]") {
    MachineDriver d;
    d.begin();
    (void)d.run_round();
    (void)d.run_round();
    const std::vector<Record> records = d.records();
    for (size_t count = 1; count <= records.size(); ++count) {
        const std::vector<Record> some(records.begin(),
                                       records.begin() + static_cast<std::ptrdiff_t>(count));
        const Result<RoundMachine> restored = RoundMachine::restore(
            some, d.manifest, d.rules, [&](uint64_t index) { return d.beacons.element(index); });
        CAPTURE(count);
        REQUIRE(restored.ok());
        CHECK(restored->state().head() == some.back().hash);
        CHECK(check_books(restored->state().books()).ok());
    }
}

TEST_CASE("another run's ledger, or one that was changed, is refused by height and kind",
          "[coordinator]") {
    MachineDriver d;
    d.begin();
    (void)d.run_round();
    std::vector<Record> records = d.records();
    const ChainElement element = [&](uint64_t index) { return d.beacons.element(index); };
    RunManifest other = d.manifest;
    other.run_name = "another";
    CHECK_FALSE(RoundMachine::restore(records, other, d.rules, element).ok());
    std::swap(records[5], records[6]);
    const Result<RoundMachine> swapped =
        RoundMachine::restore(records, d.manifest, d.rules, element);
    REQUIRE_FALSE(swapped.ok());
    CHECK(swapped.reason().find("ledger record ") == 0);
    std::swap(records[5], records[6]);
    records[1].body.back() ^= 1;
    CHECK_FALSE(RoundMachine::restore(records, d.manifest, d.rules, element).ok());
}

TEST_CASE("events of strangers, of old rounds and out of turn change nothing", "[coordinator]") {
    MachineDriver d;
    d.begin();
    const uint64_t height = d.ledger->height();
    const PeerId stranger = Identity::from_seed(MachineDriver::digest(99)).id();
    CHECK(d.step(PayloadNoticed{stranger, {RoundId{0}, {}}}).empty());
    CHECK(d.step(OpeningNoticed{stranger, {}}).empty());
    CHECK(d.step(OpeningNoticed{d.peers[0].id(), {}}).empty());
    CHECK(d.step(BlobStored{stranger, RoundId{0}, BlobPurpose::kPayload, {}, 1}).empty());
    CHECK(d.step(BlobStored{stranger, RoundId{7}, BlobPurpose::kOpening, {}, 1}).empty());
    CHECK(d.step(ProgressArrived{stranger, {}}).empty());
    CHECK(d.step(PeerGone{stranger}).empty());
    CHECK(d.step(RoundJudged{}).empty());
    CHECK(d.step(AuditDone{{}, make_envelope(d.coordinator, AuditReport{}), 1}).empty());
    CHECK(d.ledger->height() == height);
    CHECK(d.machine->phase() == RoundPhase::kGathering);
}

}  // namespace assay
