// RoundMachine while peers train and send: COMMITs, payloads, and how long the others are waited
// for.

#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "rounds/round_machine.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

TEST_CASE("a COMMIT is stored as received; the same bytes again change nothing", "[coordinator]") {
    MachineDriver d;
    d.begin();
    (void)d.commit(0);
    CHECK(d.records().back().kind == RecordKind::kCommit);
    CHECK(d.records().back().body ==
          encode_envelope(make_envelope(d.peers[0].identity, d.commit_of(0))));
    const uint64_t height = d.ledger->height();
    const std::vector<Action> again = d.commit(0);
    CHECK(again.size() == 1);
    CHECK(sent<Receipt>(again).size() == 1);  // its receipt, and no more
    Commit other = d.commit_of(0);
    other.states_root = MachineDriver::digest(3);
    CHECK(refused(d.commit(0, other)) == RefusalCode::kDuplicate);
    CHECK(d.ledger->height() == height);
}

TEST_CASE("COMMITs that have no place are refused with their reason", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    CHECK(refused(d.step(CommitArrived{
              d.peers[0].id(), Commit{}, make_envelope(d.peers[0].identity, Commit{})})) ==
          RefusalCode::kNotInRoster);
    d.hello_all();
    const uint64_t height = d.ledger->height();
    Commit commit = d.commit_of(0);
    SECTION("of another run") {
        commit.manifest_digest = MachineDriver::digest(1);
        CHECK(refused(d.commit(0, commit)) == RefusalCode::kWrongManifest);
    }
    SECTION("of a round to come") {
        commit.round = RoundId{1};
        CHECK(refused(d.commit(0, commit)) == RefusalCode::kWrongRound);
    }
    SECTION("with a payload that is too large") {
        commit.payload_bytes = d.rules.payload_bytes_max + 1;
        CHECK(refused(d.commit(0, commit)) == RefusalCode::kOutOfBounds);
    }
    CHECK(d.ledger->height() == height);
}

TEST_CASE("a peer that joined after the roster was frozen may not commit", "[coordinator]") {
    MachineDriver d(3);
    d.rules.peers_min = 2;
    d.remake();
    (void)d.start();
    (void)d.hello(0);
    (void)d.hello(1);
    (void)d.hello(2);
    CHECK(refused(d.commit(2)) == RefusalCode::kNotInRoster);
}

TEST_CASE("D1: late COMMITs are refused, the others go on", "[coordinator]") {
    MachineDriver d(3);
    d.begin();
    (void)d.commit(0);
    REQUIRE(d.machine->wake_at());
    d.now = *d.machine->wake_at();
    (void)d.step(Tick{});
    CHECK(d.machine->phase() == RoundPhase::kUploading);
    CHECK(refused(d.commit(1)) == RefusalCode::kTooLate);
}

TEST_CASE("rounds that nobody finishes give the next ones more time, until one is finished",
          "[coordinator]") {
    MachineDriver d(2, 12);
    d.begin();
    const auto time_for_commits = [&] {
        return (d.plan().commit_deadline - d.plan().opened_at).ms;
    };
    const int64_t first = time_for_commits();
    for (uint64_t empty = 1; empty <= 3; ++empty) {
        while (d.machine->round().value < empty) {
            REQUIRE(d.machine->wake_at());
            d.now = *d.machine->wake_at();
            (void)d.step(Tick{});
        }
        CHECK(time_for_commits() == first << empty);
    }
    (void)d.restart();  // it is in the ledger
    d.hello_all();
    CHECK(d.machine->state().doublings() == 3);
    for (uint32_t left = 3; left > 0; --left) {  // each needs less than half of its time
        CHECK(time_for_commits() == first << left);
        (void)d.run_round();
        CHECK(d.machine->state().doublings() == left - 1);
    }
    CHECK(time_for_commits() == first);
}

TEST_CASE("a peer that became slower is dealt with as what it reports of its steps",
          "[coordinator]") {
    MachineDriver d(3, 12);
    d.begin();
    (void)d.run_round();
    const auto sequences = [&] { return find_peer(d.plan(), d.peers[0].id())->sequences_per_step; };
    const uint32_t before = sequences();
    const int64_t time_before = (d.plan().commit_deadline - d.plan().opened_at).ms;
    const Progress slow{d.plan().round, 0, 1.0F, 2};
    (void)d.step(ProgressArrived{d.peers[0].id(), slow});
    for (size_t i = 1; i < 3; ++i) {
        (void)d.commit(i);
        (void)d.payload(i);
    }
    while (d.machine->phase() != RoundPhase::kChallenging) {
        d.now = *d.machine->wake_at();
        (void)d.step(Tick{});
    }
    (void)d.opening(1);
    (void)d.step(d.judged(actions_of<JudgeRound>(d.opening(2)).at(0)));
    CHECK(sequences() < before);
    CHECK((d.plan().commit_deadline - d.plan().opened_at).ms > time_before);
}

TEST_CASE("a slow round's openings get its grace, and a standstill moves deadlines on",
          "[coordinator]") {
    MachineDriver d(2);
    d.rules.deadlines.grace = DurationMs{10};
    d.remake();
    d.begin();
    const Instant due = *d.machine->wake_at();
    (void)d.step(Stalled{DurationMs{50000}});
    CHECK(*d.machine->wake_at() == due + DurationMs{50000});
    d.now = d.now + DurationMs{40000};
    d.send_all();
    REQUIRE(d.machine->phase() == RoundPhase::kChallenging);
    CHECK(d.plan().opening_time.ms < 20000);
    CHECK(*d.machine->wake_at() == d.now + DurationMs{20000});
}

TEST_CASE("a quorum leaves the rest its grace, not the whole time", "[coordinator]") {
    MachineDriver d(4);
    d.begin();
    const Instant d1 = *d.machine->wake_at();
    (void)d.commit(0);
    (void)d.commit(1);
    CHECK(*d.machine->wake_at() == d1);
    (void)d.commit(2);  // 3 of 4 are the quorum of 67 %
    CHECK(*d.machine->wake_at() == std::min(d1, d.now + d.rules.deadlines.grace));
}

TEST_CASE("when all that are still there have committed, the dead get their grace",
          "[coordinator]") {
    MachineDriver d(4);
    d.begin();
    const Instant d1 = *d.machine->wake_at();
    (void)d.commit(0);
    (void)d.step(PeerGone{d.peers[1].id()});
    (void)d.step(PeerGone{d.peers[2].id()});
    CHECK(*d.machine->wake_at() == d1);
    (void)d.step(PeerGone{d.peers[3].id()});
    CHECK(*d.machine->wake_at() <= d.now + d.rules.deadlines.grace);
}

TEST_CASE("a payload is fetched once, only if it is the committed one", "[coordinator]") {
    MachineDriver d;
    d.begin();
    const BlobRef right{d.blob(50), 100, {}};
    const auto notice = [&](const BlobRef& blob) {
        return d.step(PayloadNoticed{d.peers[0].id(), {RoundId{0}, blob}});
    };
    CHECK(notice(right).empty());  // overtook its COMMIT: said again later
    (void)d.commit(0);
    CHECK(refused(notice({MachineDriver::digest(7), 100, {}})) == RefusalCode::kOutOfBounds);
    CHECK(refused(notice({right.sha256, 99, {}})) == RefusalCode::kOutOfBounds);
    CHECK(actions_of<FetchBlob>(notice(right)).size() == 1);
    CHECK(actions_of<FetchBlob>(notice(right)).empty());
    (void)d.step(BlobFailed{d.peers[0].id(), RoundId{0}, BlobPurpose::kPayload, right.sha256, ""});
    CHECK(actions_of<FetchBlob>(notice(right)).size() == 1);
    (void)d.step(BlobStored{d.peers[0].id(), RoundId{0}, BlobPurpose::kPayload, right.sha256, 100});
    CHECK(d.records().back().kind == RecordKind::kPayload);
    const std::vector<Action> again = notice(right);
    CHECK(again.size() == 1);
    CHECK(sent<Receipt>(again).size() == 1);
}

}  // namespace assay
