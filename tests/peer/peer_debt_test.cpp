// What a peer does about a challenge that it did not answer in its round, and when it is stopped.

#include <catch2/catch.hpp>

#include "tests/peer/peer_fixture.h"

namespace assay {

namespace {

DebtNotice open_debt(const RoundTrained& work) {
    DebtNotice notice;
    notice.round = work.round;
    notice.open = true;
    notice.until = Instant{100000};
    notice.commit_hash = commit_hash(work.envelope);
    notice.payload_hash = work.commit.payload_hash;
    notice.reason = "not answered in its round";
    return notice;
}

OpeningBuilt built(uint64_t round) {
    return OpeningBuilt{OpeningNotice{RoundId{round}, {digest(70), 10, {}}, {}}};
}

// In round 0, with COMMIT and payload said.
struct Submitted : Fixture {
    RoundPlan first = plan(0);
    RoundTrained work = trained(first);
    CloseNotice closed = close(first, work);

    Submitted() {
        join();
        (void)tell(first);
        (void)machine.step(work, now);
    }
};

}  // namespace

TEST_CASE("an opening that came too late is said again until it is settled", "[peer]") {
    Submitted f;
    (void)f.tell(f.closed);
    REQUIRE(all_of<BuildOpening>(f.tell(f.beacon(f.closed))).size() == 1);
    const bool built_before = GENERATE(true, false);
    if (built_before) {
        CHECK(said<OpeningNotice>(f.machine.step(built(0), f.now)).size() == 1);
    }
    CHECK(all_of<OweRound>(f.tell(f.summary(0, CommitOutcome::kOwed))).size() == 1);
    CHECK(all_of<ApplyAggregate>(f.machine.step(BlobReady{digest(60)}, f.now)).size() == 1);
    (void)f.machine.step(AggregateApplied{RoundId{0}, digest(10)}, f.now);
    if (!built_before) {
        CHECK(said<OpeningNotice>(f.machine.step(built(0), f.now)).size() == 1);
    }
    (void)f.tell(open_debt(f.work));
    // It goes on with the next round meanwhile.
    CHECK(all_of<TrainRound>(f.tell(f.plan(1, digest(10)))).size() == 1);
    f.now = *f.machine.wake_at();
    CHECK(said<OpeningNotice>(f.machine.step(PeerTick{}, f.now)).size() == 1);
    DebtNotice settled;
    settled.round = RoundId{0};
    settled.reason = "answered late";
    CHECK(all_of<ReleaseRound>(f.tell(settled)).size() == 1);
    f.now = *f.machine.wake_at();
    CHECK(said<OpeningNotice>(f.machine.step(PeerTick{}, f.now)).empty());
}

TEST_CASE("after a restart what is owed is opened from what the coordinator says of it", "[peer]") {
    Submitted before;
    Fixture f;
    f.join();
    (void)f.tell(open_debt(before.work));
    CHECK(all_of<TrainRound>(f.tell(before.first)).empty());  // it is no round to take part in
    (void)f.tell(before.closed);
    const auto asked = all_of<BuildOpening>(f.tell(f.beacon(before.closed)));
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].plan.round == RoundId{0});
    CHECK(asked[0].commit_hash == commit_hash(before.work.envelope));
    CHECK(asked[0].commit.payload_hash == before.work.commit.payload_hash);
    CHECK(said<OpeningNotice>(f.machine.step(built(0), f.now)).size() == 1);
}

// It may be owed, and the coordinator's word of it be lost or late.
TEST_CASE("after a restart, what an undecided round started from is kept before a later one begins",
          "[peer]") {
    Submitted before;
    Fixture f;
    const bool same_theta = GENERATE(true, false);
    f.machine = PeerMachine(f.self.id(),
                            f.coordinator.id(),
                            Hello{},
                            PeerRules{},
                            PeerResume{digest(9), f.manifest, {}, {}, RoundId{0}});
    f.join();
    const auto next = f.tell(f.plan(1, digest(same_theta ? 9 : 10)));
    REQUIRE(all_of<OweRound>(next).size() == 1);
    CHECK(all_of<OweRound>(next)[0].round == RoundId{0});
    CHECK(std::holds_alternative<OweRound>(next.front()));  // before anything moves
    SECTION("it is owed") {
        (void)f.tell(open_debt(before.work));
        (void)f.tell(before.first);
        (void)f.tell(before.closed);
        CHECK(all_of<BuildOpening>(f.tell(f.beacon(before.closed))).size() == 1);
    }
    SECTION("nobody says so until a later round is done") {
        if (!same_theta) {
            (void)f.machine.step(BlobReady{digest(77)}, f.now);
            (void)f.machine.step(ThetaAdopted{digest(10)}, f.now);
        }
        (void)f.machine.step(f.trained(f.plan(1, digest(same_theta ? 9 : 10))), f.now);
        (void)f.tell(f.summary(1, CommitOutcome::kCounted));
        (void)f.machine.step(BlobReady{digest(60)}, f.now);
        const auto done = f.machine.step(AggregateApplied{RoundId{1}, digest(10)}, f.now);
        CHECK(all_of<ReleaseRound>(done).size() == 1);
    }
}

TEST_CASE("what a false CLOSE or beacon is bound to is not opened late either", "[peer]") {
    Submitted before;
    Fixture f;
    f.join();
    DebtNotice notice = open_debt(before.work);
    CloseNotice closed = before.closed;
    Beacon beacon = f.beacon(closed);
    SECTION("another COMMIT") {
        notice.commit_hash = digest(99);
    }
    SECTION("no path") {
        closed.inclusion.reset();
    }
    SECTION("another CLOSE") {
        closed.close.entries_root = digest(98);
    }
    (void)f.tell(notice);
    (void)f.tell(before.first);
    (void)f.tell(closed);
    CHECK(all_of<BuildOpening>(f.tell(beacon)).empty());
}

TEST_CASE("a round that went on without its summary is kept until somebody says what it is",
          "[peer]") {
    Submitted f;
    (void)f.tell(f.closed);
    (void)f.tell(f.beacon(f.closed));
    (void)f.machine.step(built(0), f.now);
    const auto next = f.tell(f.plan(1, digest(9)));
    CHECK(all_of<OweRound>(next).size() == 1);
    SECTION("owed") {
        (void)f.tell(open_debt(f.work));
        f.now = *f.machine.wake_at();
        CHECK(said<OpeningNotice>(f.machine.step(PeerTick{}, f.now)).size() == 1);
    }
    SECTION("not, as a later round was done without a word of it") {
        (void)f.machine.step(f.trained(f.plan(1, digest(9))), f.now);
        (void)f.tell(f.summary(1, CommitOutcome::kCounted));
        (void)f.machine.step(BlobReady{digest(60)}, f.now);
        const auto done = f.machine.step(AggregateApplied{RoundId{1}, digest(10)}, f.now);
        CHECK(all_of<ReleaseRound>(done).size() == 1);
    }
}

TEST_CASE("stopped in a challenge, a peer finishes it first; stopped again, it ends", "[peer]") {
    Submitted f;
    const auto first = f.machine.step(PeerStop{}, f.now);
    CHECK(all_of<PeerFinished>(first).empty());
    REQUIRE(all_of<PeerNote>(first).size() == 1);
    CHECK(all_of<PeerNote>(first)[0].text.find("never answered") != std::string::npos);
    CHECK(f.machine.step(PeerStop{}, f.now).empty());
    SECTION("the round ends") {
        (void)f.tell(f.closed);
        CHECK(all_of<BuildOpening>(f.tell(f.beacon(f.closed))).size() == 1);
        CHECK(said<OpeningNotice>(f.machine.step(built(0), f.now)).size() == 1);
        (void)f.tell(f.summary(0, CommitOutcome::kCounted));
        (void)f.machine.step(BlobReady{digest(60)}, f.now);
        const auto done = f.machine.step(AggregateApplied{RoundId{0}, digest(10)}, f.now);
        REQUIRE(all_of<PeerFinished>(done).size() == 1);
        CHECK(all_of<PeerFinished>(done)[0].ok);
        CHECK(said<Goodbye>(done).size() == 1);
    }
    SECTION("stopped again") {
        const auto done = all_of<PeerFinished>(f.machine.step(PeerStop{true}, f.now));
        REQUIRE(done.size() == 1);
        CHECK(done[0].reason.find("start this peer again") != std::string::npos);
    }
    SECTION("the connection is lost") {
        CHECK(all_of<PeerFinished>(f.machine.step(ChannelDown{"cut"}, f.now)).size() == 1);
    }
}

// After a restart the coordinator says first that something is owed, and then what.
TEST_CASE("stopped before all of an open challenge was told, a peer answers it first", "[peer]") {
    Submitted before;
    Fixture f;
    f.join();
    (void)f.tell(open_debt(before.work));
    const auto stopped = f.machine.step(PeerStop{}, f.now);
    CHECK(all_of<PeerFinished>(stopped).empty());
    CHECK(all_of<PeerNote>(stopped).size() == 1);
    (void)f.tell(before.first);
    (void)f.tell(before.closed);
    CHECK(all_of<BuildOpening>(f.tell(f.beacon(before.closed))).size() == 1);
    CHECK(said<OpeningNotice>(f.machine.step(built(0), f.now)).size() == 1);
    DebtNotice settled;
    settled.round = RoundId{0};
    settled.reason = "answered late";
    CHECK(all_of<PeerFinished>(f.tell(settled)).size() == 1);
}

TEST_CASE("a peer that owes nothing stops at once", "[peer]") {
    Fixture f;
    f.join();
    (void)f.tell(f.plan(0));
    CHECK(all_of<PeerFinished>(f.machine.step(PeerStop{}, f.now)).size() == 1);
}

}  // namespace assay
