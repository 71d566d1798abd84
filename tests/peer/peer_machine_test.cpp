// Each transition of the peer's machine, and what it does not believe.

#include "peer/peer_machine.h"

#include <catch2/catch.hpp>

#include "configs/run_config.h"
#include "tests/peer/peer_fixture.h"

namespace assay {

TEST_CASE("a peer asks for the manifest, prepares, and says Hello with its digest", "[peer]") {
    Fixture f;
    CHECK(all_of<Dial>(f.machine.start(f.now)).size() == 1);
    const auto first = said<Hello>(f.machine.step(ChannelUp{}, f.now));
    REQUIRE(first.size() == 1);
    CHECK(first[0].manifest_digest.is_zero());
    CHECK(f.machine.phase() == PeerPhase::kGreeting);
    const auto actions = f.tell(Welcome{f.manifest, RoundId{0}, {}, {}});
    CHECK(all_of<PrepareRun>(actions).size() == 1);
    REQUIRE(said<Hello>(actions).size() == 1);
    CHECK(said<Hello>(actions)[0].manifest_digest == manifest_digest(f.manifest));
    (void)f.tell(Welcome{f.manifest, RoundId{0}, {}, {}});
    CHECK(f.machine.phase() == PeerPhase::kIdle);
}

TEST_CASE("what was trained for another plan of the round is not handed in", "[peer]") {
    Fixture f;
    f.join();
    RoundPlan other = f.plan(0);
    other.stream_position += 1;
    (void)f.tell(f.plan(0));
    CHECK(f.machine.step(f.trained(other), f.now).empty());
    CHECK(f.machine.phase() == PeerPhase::kTraining);
    CHECK(all_of<SaySealed>(f.machine.step(f.trained(f.plan(0)), f.now)).size() == 1);
}

TEST_CASE("a round from plan to summary", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    CHECK(all_of<TrainRound>(f.tell(plan)).size() == 1);
    CHECK(f.machine.phase() == PeerPhase::kTraining);

    const RoundTrained work = f.trained(plan);
    const auto submitted = f.machine.step(work, f.now);
    CHECK(all_of<SaySealed>(submitted).size() == 1);
    CHECK(said<PayloadNotice>(submitted).size() == 1);

    const CloseNotice notice = f.close(plan, work);
    CHECK(all_of<BuildOpening>(f.tell(notice)).empty());
    const auto opening = all_of<BuildOpening>(f.tell(f.beacon(notice)));
    REQUIRE(opening.size() == 1);
    CHECK(opening[0].commit_hash == commit_hash(work.envelope));
    CHECK(said<OpeningNotice>(f.machine.step(OpeningBuilt{{RoundId{0}, {}, {}}}, f.now)).size() ==
          1);
    CHECK(f.machine.phase() == PeerPhase::kOpened);

    CHECK(all_of<WantBlob>(f.tell(f.summary(0, CommitOutcome::kCounted))).size() == 1);
    const auto apply = all_of<ApplyAggregate>(f.machine.step(BlobReady{digest(60)}, f.now));
    REQUIRE(apply.size() == 1);
    CHECK(apply[0].counted);
    (void)f.machine.step(AggregateApplied{RoundId{0}, digest(10)}, f.now);
    CHECK(f.machine.theta_root() == digest(10));
    CHECK(all_of<TrainRound>(f.tell(f.plan(1, digest(10)))).size() == 1);
}

TEST_CASE("Hello names the run's numeric class, unless the peer was given its own", "[peer]") {
    for (const bool of_run : {true, false}) {
        Fixture f;
        RunConfig config;
        config.inner.numeric_class = "fp32";
        f.manifest.config_text = canonical_text(config);
        Hello hello;
        hello.numeric_class = NumericClass::kExact;
        PeerRules rules;
        rules.class_of_run = of_run;
        f.machine = PeerMachine(f.self.id(), f.coordinator.id(), hello, rules, PeerResume{});
        (void)f.machine.start(f.now);
        (void)f.machine.step(ChannelUp{}, f.now);
        const std::vector<Hello> told =
            said<Hello>(f.tell(Welcome{f.manifest, RoundId{0}, {}, {}}));
        REQUIRE(told.size() == 1);
        CHECK(told[0].numeric_class == (of_run ? NumericClass::kFp32 : NumericClass::kExact));
    }
}

TEST_CASE("a class that the run does not admit ends the peer with the refusal", "[peer]") {
    Fixture f;
    f.join();
    Refusal refusal;
    refusal.code = RefusalCode::kWrongClass;
    refusal.reason = "admitted: exact";
    const auto done = all_of<PeerFinished>(f.tell(refusal));
    REQUIRE(done.size() == 1);
    CHECK_FALSE(done[0].ok);
    CHECK(done[0].reason.find("admitted: exact") != std::string::npos);
}

TEST_CASE("not counted means the old triple", "[peer]") {
    for (const CommitOutcome outcome : {CommitOutcome::kLate,
                                        CommitOutcome::kGated,
                                        CommitOutcome::kRejected,
                                        CommitOutcome::kVoided}) {
        Fixture f;
        f.join();
        const RoundPlan plan = f.plan(0);
        (void)f.tell(plan);
        (void)f.machine.step(f.trained(plan), f.now);
        (void)f.tell(f.summary(0, outcome));
        const auto apply = all_of<ApplyAggregate>(f.machine.step(BlobReady{digest(60)}, f.now));
        REQUIRE(apply.size() == 1);
        CHECK_FALSE(apply[0].counted);
    }
}

TEST_CASE("a peer without the base fetches it first", "[peer]") {
    Fixture f(digest(8));
    f.join();
    const auto actions = f.tell(f.plan(0));
    REQUIRE(all_of<WantBlob>(actions).size() == 1);
    CHECK(all_of<TrainRound>(actions).empty());
    CHECK(all_of<AdoptTheta>(f.machine.step(BlobReady{digest(77)}, f.now)).size() == 1);
    CHECK(all_of<TrainRound>(f.machine.step(ThetaAdopted{digest(9)}, f.now)).size() == 1);
}

TEST_CASE("a replica that differs is fetched anew", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    (void)f.machine.step(f.trained(plan), f.now);
    (void)f.tell(f.summary(0, CommitOutcome::kCounted));
    (void)f.machine.step(BlobReady{digest(60)}, f.now);
    (void)f.machine.step(AggregateApplied{RoundId{0}, digest(11)}, f.now);
    CHECK(all_of<WantBlob>(f.tell(f.plan(1, digest(10)))).size() == 1);
}

TEST_CASE("a plan that comes before the aggregate waits for it", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    (void)f.machine.step(f.trained(plan), f.now);
    (void)f.tell(f.summary(0, CommitOutcome::kCounted));
    CHECK(f.tell(f.plan(1, digest(10))).empty());
    (void)f.machine.step(BlobReady{digest(60)}, f.now);
    const auto done = f.machine.step(AggregateApplied{RoundId{0}, digest(10)}, f.now);
    REQUIRE(all_of<TrainRound>(done).size() == 1);
    CHECK(all_of<TrainRound>(done)[0].plan.round == RoundId{1});
}

TEST_CASE("silence is answered by saying everything again, with the same bytes", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    const RoundTrained work = f.trained(plan);
    (void)f.machine.step(work, f.now);
    REQUIRE(f.machine.wake_at());
    f.now = *f.machine.wake_at();
    const auto again = f.machine.step(PeerTick{}, f.now);
    REQUIRE(all_of<SaySealed>(again).size() == 1);
    CHECK(all_of<SaySealed>(again)[0].envelope.body == work.envelope.body);
    CHECK(said<PayloadNotice>(again).size() == 1);
    CHECK(said<Hello>(again).size() == 1);
}

TEST_CASE("a lost connection is dialled again, later each time, and keeps the work", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    (void)f.machine.step(ChannelDown{"cut"}, f.now);
    REQUIRE(f.machine.wake_at());
    const Instant first = *f.machine.wake_at();
    CHECK(all_of<Dial>(f.machine.step(PeerTick{}, f.now)).empty());
    CHECK(all_of<Dial>(f.machine.step(PeerTick{}, first)).size() == 1);
    (void)f.machine.step(ChannelDown{"refused"}, first);
    CHECK((*f.machine.wake_at() - first).ms > (first - f.now).ms);
    CHECK(f.machine.phase() == PeerPhase::kTraining);
    (void)f.machine.step(f.trained(plan), first);
    CHECK(said<Hello>(f.machine.step(ChannelUp{}, first)).size() == 1);
    CHECK(f.machine.phase() == PeerPhase::kSubmitted);
}

TEST_CASE("a wrong manifest ends the peer, and the words name both digests", "[peer]") {
    Fixture f;
    f.join();
    const auto done = all_of<PeerFinished>(
        f.tell(Refusal{RefusalCode::kWrongManifest, "other run", digest(5), digest(6)}));
    REQUIRE(done.size() == 1);
    CHECK_FALSE(done[0].ok);
    CHECK(done[0].reason.find(digest(5).hex()) != std::string::npos);
    CHECK(done[0].reason.find(digest(6).hex()) != std::string::npos);
    CHECK(f.machine.phase() == PeerPhase::kDone);
}

TEST_CASE("a manifest of another run is not taken over the folder's", "[peer]") {
    Fixture f;
    f.join();
    RunManifest other = f.manifest;
    other.run_name = "other";
    const auto done = all_of<PeerFinished>(f.tell(Welcome{other, RoundId{0}, {}, {}}));
    REQUIRE(done.size() == 1);
    CHECK_FALSE(done[0].ok);
}

TEST_CASE("a late COMMIT is not said again, and its round is only applied", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    (void)f.machine.step(f.trained(plan), f.now);
    (void)f.tell(Refusal{RefusalCode::kTooLate, "late", {}, {}});
    f.now = *f.machine.wake_at();
    CHECK(all_of<SaySealed>(f.machine.step(PeerTick{}, f.now)).empty());
    CHECK(all_of<WantBlob>(f.tell(f.summary(0, CommitOutcome::kLate))).size() == 1);
}

TEST_CASE("after a restart the COMMIT from before it is opened, if the work is the same",
          "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    RoundTrained work = f.trained(plan);
    (void)f.machine.step(work, f.now);
    const Digest first = digest(33);
    (void)f.tell(Refusal{RefusalCode::kDuplicate, "another COMMIT", first, digest(34)});
    f.now = *f.machine.wake_at();
    const auto again = f.machine.step(PeerTick{}, f.now);
    CHECK(all_of<SaySealed>(again).empty());
    CHECK(said<PayloadNotice>(again).size() == 1);
    CloseNotice notice = f.close(plan, work);
    const bool same = GENERATE(true, false);
    const Digest payload = same ? work.commit.payload_hash : digest(35);
    const MerkleTree tree({close_leaf({f.self.id(), first, payload})});
    notice.close.entries_root = tree.root();
    notice.inclusion = tree.path(0);
    (void)f.tell(notice);
    const auto opening = all_of<BuildOpening>(f.tell(f.beacon(notice)));
    REQUIRE(opening.size() == (same ? 1 : 0));
    if (same) {
        CHECK(opening[0].commit_hash == first);
    }
}

TEST_CASE("a CLOSE without this peer's COMMIT, or with a false path, gets no opening", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    const RoundTrained work = f.trained(plan);
    (void)f.machine.step(work, f.now);
    CloseNotice notice = f.close(plan, work);
    SECTION("no path") {
        notice.inclusion.reset();
    }
    SECTION("another root") {
        notice.close.entries_root = digest(4);
    }
    SECTION("another plan") {
        notice.close.plan_digest = digest(4);
    }
    (void)f.tell(notice);
    CHECK(all_of<BuildOpening>(f.tell(f.beacon(notice))).empty());
}

TEST_CASE("two heads for one round are reported with both envelopes", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    const RoundTrained work = f.trained(plan);
    (void)f.machine.step(work, f.now);
    CloseNotice notice = f.close(plan, work);
    (void)f.tell(notice);
    CHECK(all_of<ReportEquivocation>(f.tell(notice)).empty());
    notice.close.entry_count = 2;
    const auto reports = all_of<ReportEquivocation>(f.tell(notice));
    REQUIRE(reports.size() == 1);
    CHECK(reports[0].first.body != reports[0].second.body);
    CHECK(reports[0].first.signer == f.coordinator.id());
}

TEST_CASE("two heads at one height are reported once, before and behind a restart", "[peer]") {
    Fixture f;
    f.join();
    RoundSummary summary;
    summary.round = RoundId{0};
    summary.ledger_height = 40;
    summary.ledger_head = digest(4);
    const auto kept = all_of<KeepHead>(f.tell(summary));
    REQUIRE(kept.size() == 1);
    RoundPlan plan = f.plan(1);
    plan.ledger_height = 40;
    plan.ledger_head = digest(5);
    const bool restarted = GENERATE(false, true);
    if (restarted) {
        f.machine = PeerMachine(f.self.id(),
                                f.coordinator.id(),
                                Hello{},
                                PeerRules{},
                                PeerResume{digest(9), f.manifest, kept[0].envelope});
        f.join();
    }
    const auto reports = all_of<ReportEquivocation>(f.tell(plan));
    REQUIRE(reports.size() == 1);
    CHECK(reports[0].what.find("two heads at height 39") != std::string::npos);
    CHECK(reports[0].first.body == kept[0].envelope.body);
    CHECK(all_of<ReportEquivocation>(f.tell(plan)).empty());
    plan.ledger_height = 41;
    plan.round = RoundId{2};
    CHECK(all_of<ReportEquivocation>(f.tell(plan)).empty());
}

TEST_CASE("a receipt shows a head too, and what contradicts it is reported", "[peer]") {
    Fixture f;
    f.join();
    Receipt receipt;
    receipt.manifest_digest = manifest_digest(f.manifest);
    receipt.peer = f.self.id();
    receipt.height = 39;
    receipt.record_hash = digest(4);
    CHECK(all_of<ReportEquivocation>(f.tell(receipt)).empty());
    CHECK(all_of<ReportEquivocation>(f.tell(receipt)).empty());
    RoundPlan plan = f.plan(1);
    plan.ledger_height = 40;
    plan.ledger_head = digest(5);
    const auto reports = all_of<ReportEquivocation>(f.tell(plan));
    REQUIRE(reports.size() == 1);
    CHECK(reports[0].what.find("two heads at height 39") != std::string::npos);
}

TEST_CASE("a beacon must continue the chain and be bound to the CLOSE", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    const RoundTrained work = f.trained(plan);
    (void)f.machine.step(work, f.now);
    const CloseNotice notice = f.close(plan, work);
    (void)f.tell(notice);
    Beacon beacon = f.beacon(notice);
    SECTION("element of another chain") {
        beacon.chain_element = digest(5);
    }
    SECTION("element of a later round") {
        beacon.chain_element = f.chain.element(2);
    }
    SECTION("another CLOSE") {
        beacon.close_root = digest(6);
    }
    beacon.value = beacon_value(beacon.chain_element, beacon.close_root);
    SECTION("another value") {
        beacon.value = digest(7);
    }
    CHECK(all_of<BuildOpening>(f.tell(beacon)).empty());
}

TEST_CASE("a beacon some rounds later still continues the chain", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(3);
    (void)f.tell(plan);
    const RoundTrained work = f.trained(plan);
    (void)f.machine.step(work, f.now);
    const CloseNotice notice = f.close(plan, work);
    (void)f.tell(notice);
    CHECK(all_of<BuildOpening>(f.tell(f.beacon(notice))).size() == 1);
}

TEST_CASE("messages that the coordinator did not sign are nothing", "[peer]") {
    Fixture f;
    f.join();
    const Message plan = f.plan(0);
    const auto actions = f.machine.step(MessageArrived{plan, make_envelope(f.self, plan)}, f.now);
    CHECK(all_of<TrainRound>(actions).empty());
}

TEST_CASE("a summary in mid-training abandons the round and rolls back", "[peer]") {
    Fixture f;
    f.join();
    (void)f.tell(f.plan(0));
    const auto actions = f.tell(f.summary(0, CommitOutcome::kCounted));
    CHECK(all_of<AbandonRound>(actions).size() == 1);
    CHECK(f.machine.step(f.trained(f.plan(0)), f.now).empty());
}

TEST_CASE("plans of rounds that are over, or of other runs, are ignored", "[peer]") {
    Fixture f;
    f.join();
    RoundPlan other = f.plan(0);
    other.manifest_digest = digest(1);
    CHECK(all_of<TrainRound>(f.tell(other)).empty());
    (void)f.tell(f.plan(4));
    CHECK(f.tell(f.plan(4)).empty());
    CHECK(f.tell(f.plan(3)).empty());
    CHECK(all_of<TrainRound>(f.tell(f.plan(5))).size() == 1);
}

TEST_CASE("what was fetched is dropped once it is used, or not wanted any more", "[peer]") {
    Fixture f(digest(8));
    f.join();
    const RoundPlan plan = f.plan(0);  // starts from another theta
    CHECK(all_of<WantBlob>(f.tell(plan)).size() == 1);
    SECTION("theta, adopted") {
        CHECK(all_of<AdoptTheta>(f.machine.step(BlobReady{plan.theta.sha256}, f.now)).size() == 1);
        const auto adopted = f.machine.step(ThetaAdopted{plan.base_root}, f.now);
        REQUIRE(all_of<DropBlob>(adopted).size() == 1);
        CHECK(all_of<DropBlob>(adopted)[0].sha256 == plan.theta.sha256);
        CHECK(all_of<TrainRound>(adopted).size() == 1);
        RoundSummary summary = f.summary(0, CommitOutcome::kCounted);
        summary.aggregate = {digest(44), 100, {}};
        (void)f.tell(summary);
        (void)f.machine.step(BlobReady{digest(44)}, f.now);
        const auto applied =
            f.machine.step(AggregateApplied{RoundId{0}, summary.theta_root}, f.now);
        REQUIRE(all_of<DropBlob>(applied).size() == 1);
        CHECK(all_of<DropBlob>(applied)[0].sha256 == digest(44));
    }
    SECTION("theta of a plan that is over") {
        RoundPlan next = f.plan(1);
        next.theta = {digest(78), 4096, {}};
        const auto moved = f.tell(next);
        REQUIRE(all_of<DropBlob>(moved).size() == 1);
        CHECK(all_of<DropBlob>(moved)[0].sha256 == plan.theta.sha256);
        CHECK(all_of<WantBlob>(moved)[0].blob.sha256 == next.theta.sha256);
    }
}

TEST_CASE("a peer whose state cannot be saved ends and says what to do", "[peer]") {
    Fixture f;
    f.join();
    (void)f.tell(f.plan(0));
    const auto ended = f.machine.step(StateNotSaved{"cannot write state.bin: full"}, f.now);
    REQUIRE(all_of<PeerFinished>(ended).size() == 1);
    CHECK_FALSE(all_of<PeerFinished>(ended)[0].ok);
    CHECK_THAT(all_of<PeerFinished>(ended)[0].reason,
               Catch::Contains("state.bin") && Catch::Contains("free some space"));
}

TEST_CASE("goodbye ends a peer well; a stop says goodbye", "[peer]") {
    Fixture f;
    f.join();
    const auto done = all_of<PeerFinished>(f.tell(Goodbye{"the run is over"}));
    REQUIRE(done.size() == 1);
    CHECK(done[0].ok);
    CHECK_FALSE(f.machine.wake_at());

    Fixture g;
    g.join();
    CHECK(said<Goodbye>(g.machine.step(PeerStop{}, g.now)).size() == 1);
    CHECK(g.machine.step(PeerTick{}, g.now).empty());
}

}  // namespace assay
