// RoundMachine, challenges that are answered late, wrongly or never, and what the operator orders.

#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "rounds/round_machine.h"
#include "tests/rounds/action_order.h"

namespace assay {

namespace {

constexpr size_t kDebtor = 1;

// Three peers, of which the second leaves the challenge of round 2 open.
struct Owing {
    MachineDriver d{3, 14};
    std::vector<Action> settled;

    explicit Owing(int64_t debt_rounds = 3) {
        d.rules.peers_min = 1;
        d.rules.peers_start = 3;
        d.rules.pay.debt_rounds = debt_rounds;
        d.remake();
        d.begin();
        (void)d.run_round();
        (void)d.run_round();
        settled = d.run_without_opening(kDebtor);
    }
    [[nodiscard]] const PeerId& debtor() const { return d.peers[kDebtor].id(); }
    [[nodiscard]] const PeerBook& book() const {
        return *d.machine->state().books().find(debtor());
    }
    [[nodiscard]] const PlanPeer* planned() const { return find_peer(d.plan(), debtor()); }
    // What the judge says of the answer.
    [[nodiscard]] DebtJudged judged(Ruling ruling, Layer layer) const {
        DebtJudged event;
        event.verdict.round = RoundId{2};
        event.verdict.peer = debtor();
        event.verdict.ruling = ruling;
        event.verdict.layer = layer;
        event.verdict.reason = "said by the judge";
        return event;
    }
    [[nodiscard]] DebtJudged paid() const { return judged(Ruling::kAccepted, Layer::kRefusal); }
};

}  // namespace

TEST_CASE("a challenge that is not answered in its round stays open, and takes nothing", "[debt]") {
    Owing o;
    const RoundSummary summary = sent<RoundSummary>(o.settled).at(0);
    size_t owed = 0;
    for (const SummaryEntry& entry : summary.entries) {
        owed += entry.outcome == CommitOutcome::kOwed ? 1 : 0;
    }
    CHECK(owed == 1);
    REQUIRE(sent<DebtNotice>(o.settled).size() == 1);
    CHECK(sent<DebtNotice>(o.settled)[0].open);
    CHECK(position<Persist>(o.settled) < spoken<DebtNotice>(o.settled));
    CHECK(o.book().escrow.forfeited() == 0);
    CHECK(o.book().owes());
    REQUIRE(o.planned() != nullptr);
    CHECK(o.planned()->audit_ppm == kPpm);
    CHECK_FALSE(o.d.machine->state().member(o.debtor())->ejected);
}

TEST_CASE("answered late and right it costs that round's pay alone", "[debt]") {
    Owing o;
    (void)o.d.run_round();
    const int64_t vested = o.book().escrow.vested();
    (void)o.d.run_round();
    CHECK(o.book().escrow.vested() == vested);  // nothing vests meanwhile
    const std::vector<Action> asked = o.d.late_opening(kDebtor, RoundId{2});
    REQUIRE(actions_of<JudgeDebt>(asked).size() == 1);
    const JudgeDebt order = actions_of<JudgeDebt>(asked)[0];
    CHECK(order.plan.round == RoundId{2});
    CHECK(order.submission.opening.has_value());
    CHECK(order.base_tiles.size_bytes == 16384);
    CHECK(o.d.late_opening(kDebtor, RoundId{2}).empty());  // said again
    const std::vector<Action> done = o.d.step(o.paid());
    REQUIRE(sent<DebtNotice>(done).size() == 1);
    CHECK_FALSE(sent<DebtNotice>(done)[0].open);
    CHECK_FALSE(o.book().owes());
    (void)o.d.run_round();
    CHECK(o.book().escrow.vested() > vested);
    CHECK(o.book().escrow.forfeited() == 0);
    // Whoever says it again hears that nothing is owed.
    const std::vector<Action> again =
        o.d.step(OpeningNoticed{o.debtor(), OpeningNotice{RoundId{2}, {}, {}}});
    REQUIRE(sent<DebtNotice>(again).size() == 1);
    CHECK_FALSE(sent<DebtNotice>(again)[0].open);
}

TEST_CASE("a late answer that opens audits is paid, and falls by its audit", "[debt]") {
    Owing o;
    (void)o.d.run_round();
    (void)o.d.late_opening(kDebtor, RoundId{2});
    DebtJudged event = o.paid();
    AuditJob job = o.d.job(kDebtor);
    job.round = RoundId{2};
    event.audits = {job};
    CHECK(actions_of<RunAudit>(o.d.step(event)).size() == 1);
    (void)o.d.report(job, false, 1);
    (void)o.d.report(job, false, 2);
    CHECK(o.d.machine->state().member(o.debtor())->ejected);
    CHECK(o.book().escrow.deposit() == 0);
}

TEST_CASE("never answered it takes what a proven cheat loses, between two rounds", "[debt]") {
    Owing o;
    (void)o.d.run_round();
    const JudgeRound order = o.d.run_to_judging();
    o.d.now = o.d.now + DurationMs{3600000};
    const std::vector<Action> done = o.d.step(o.d.judged(order));
    CHECK(refused(done) == RefusalCode::kRejected);
    CHECK(o.d.machine->state().member(o.debtor())->ejected);
    CHECK(o.book().escrow.deposit() == 0);
    CHECK(o.book().escrow.unvested_total() == 0);
    CHECK(o.book().refusals == 1);
    CHECK(refused(o.d.hello(kDebtor)) == RefusalCode::kRejected);
    // The others go on.
    for (const size_t i : {0U, 2U}) {
        (void)o.d.commit(i);
        (void)o.d.payload(i);
    }
    CHECK(o.d.machine->phase() == RoundPhase::kChallenging);
    CHECK(check_books(o.d.machine->state().books()).ok());
}

// Whenever the judge is done with it: the round that runs is settled as it was ordered.
TEST_CASE("a late answer that is rejected is settled between two rounds", "[debt]") {
    const Layer layer = GENERATE(Layer::kChunkChain, Layer::kForm);
    const RoundPhase phase = GENERATE(RoundPhase::kGathering,
                                      RoundPhase::kUploading,
                                      RoundPhase::kChallenging,
                                      RoundPhase::kJudging);
    CAPTURE(static_cast<int>(layer), phase_name(phase));
    Owing o;
    (void)o.d.late_opening(kDebtor, RoundId{2});
    std::vector<Action> last;
    for (size_t i = 0; i < 3 && phase > RoundPhase::kGathering; ++i) {
        last = o.d.commit(i);
    }
    for (size_t i = 0; i < 3 && phase > RoundPhase::kUploading; ++i) {
        last = o.d.payload(i);
    }
    for (size_t i = 0; i < 3 && phase > RoundPhase::kChallenging; ++i) {
        last = o.d.opening(i);
    }
    REQUIRE(o.d.machine->phase() == phase);
    CHECK(o.d.step(o.judged(Ruling::kRejected, layer)).empty());
    for (size_t i = 0; i < 3 && phase == RoundPhase::kGathering; ++i) {
        (void)o.d.commit(i);
    }
    for (size_t i = 0; i < 3 && phase <= RoundPhase::kUploading; ++i) {
        (void)o.d.payload(i);
    }
    for (size_t i = 0; i < 3 && phase <= RoundPhase::kChallenging; ++i) {
        last = o.d.opening(i);
    }
    const std::vector<JudgeRound> order = actions_of<JudgeRound>(last);
    REQUIRE(order.size() == 1);
    (void)o.d.step(o.d.judged(order[0]));
    CHECK(o.book().escrow.unvested_total() == 0);
    CHECK(o.d.machine->state().member(o.debtor())->ejected == (layer == Layer::kChunkChain));
    CHECK_FALSE(o.book().owes());
    // A fault begins anew from zeros, and is not barred from its next round.
    if (layer == Layer::kForm) {
        REQUIRE(o.planned() != nullptr);
        CHECK(o.planned()->tenure_rounds == 0);
        (void)o.d.run_round();
        CHECK(o.book().state.tenure_rounds == 1);
    }
}

TEST_CASE("what is no answer leaves the challenge open, and is looked at three times", "[debt]") {
    Owing o;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(actions_of<JudgeDebt>(o.d.late_opening(kDebtor, RoundId{2})).size() == 1);
        const std::vector<Action> done = o.d.step(o.judged(Ruling::kGated, Layer::kRefusal));
        REQUIRE(sent<DebtNotice>(done).size() == 1);
        CHECK(sent<DebtNotice>(done)[0].open);
    }
    CHECK(refused(o.d.late_opening(kDebtor, RoundId{2})) == RefusalCode::kOutOfBounds);
    CHECK(o.book().owes());
    CHECK(o.book().escrow.forfeited() == 0);
}

TEST_CASE("with a challenge open a peer goes on for some rounds, and then waits", "[debt]") {
    Owing o(1);
    CHECK(o.planned() != nullptr);  // round 3: its roster was frozen before
    (void)o.d.run_round();
    CHECK(o.planned() == nullptr);
    (void)o.d.late_opening(kDebtor, RoundId{2});
    (void)o.d.step(o.paid());
    for (const size_t i : {0U, 2U}) {
        (void)o.d.commit(i);
        (void)o.d.payload(i);
    }
    CHECK(o.d.machine->state().roster(RoundId{5})->size() == 3);
}

TEST_CASE("a restart keeps open challenges, and whoever comes back is told all of them", "[debt]") {
    Owing o;
    (void)o.d.run_round();
    (void)o.d.restart();
    const std::vector<Action> back = o.d.hello(kDebtor);
    REQUIRE(sent<DebtNotice>(back).size() == 1);
    const DebtNotice notice = sent<DebtNotice>(back)[0];
    CHECK(notice.round == RoundId{2});
    CHECK(notice.commit_hash == o.d.machine->state().find(RoundId{2})->commits.at(o.debtor()).hash);
    REQUIRE_FALSE(sent<RoundPlan>(back).empty());
    CHECK(sent<RoundPlan>(back)[0].round == RoundId{2});
    REQUIRE(sent<CloseNotice>(back).size() == 1);
    CHECK(sent<CloseNotice>(back)[0].inclusion.has_value());
    CHECK(sent<Beacon>(back).at(0).round == RoundId{2});
    const std::vector<Action> again =
        o.d.hello(kDebtor);  // said again, it is told the notice alone
    CHECK(sent<DebtNotice>(again).size() == 1);
    CHECK(sent<CloseNotice>(again).empty());
    for (size_t i = 0; i < 3; ++i) {
        (void)o.d.hello(i);
    }
    while (o.d.machine->round().value < 5) {
        (void)o.d.run_round();
    }
    // What judges it is on the shelf all the while.
    REQUIRE(actions_of<JudgeDebt>(o.d.late_opening(kDebtor, RoundId{2})).size() == 1);
    (void)o.d.step(o.paid());
    CHECK(o.book().escrow.forfeited() == 0);
}

TEST_CASE("while the coordinator is away, the time of an open challenge stands still", "[debt]") {
    Owing o;
    const auto until = [&o] { return o.d.machine->state().debt(RoundId{2}, o.debtor())->until; };
    const DurationMs left = until() - o.d.machine->state().last_stamp();
    SECTION("down, however long, and several times") {
        for (const int64_t hours : {100, 1, 50}) {
            o.d.now = o.d.now + DurationMs{hours * 3600000};
            (void)o.d.restart();
            CHECK(left <= until() - o.d.now);
            CHECK(until() - o.d.now <= DurationMs{o.d.rules.pay.debt_seconds * 1000});
        }
        for (size_t i = 0; i < 3; ++i) {
            (void)o.d.hello(i);
        }
        REQUIRE(actions_of<JudgeDebt>(o.d.late_opening(kDebtor, RoundId{2})).size() == 1);
        (void)o.d.step(o.paid());
        CHECK(o.book().escrow.forfeited() == 0);
    }
    SECTION("dying again and again, with nothing written between: it may lapse in the end") {
        const int64_t whole = o.d.rules.pay.debt_seconds * 1000;
        for (int deaths = 0; deaths < 5; ++deaths) {
            o.d.now = o.d.now + DurationMs{whole * 2 / 5};
            (void)o.d.restart();
        }
        CHECK(o.d.now < until());
        CHECK(until() - o.d.now <= DurationMs{whole / 4});
    }
    SECTION("stopped, and going on") {
        const Instant before = until();
        o.d.now = o.d.now + DurationMs{50000};
        (void)o.d.step(Stalled{DurationMs{50000}});
        CHECK(until() == before + DurationMs{50000});
    }
    SECTION("no longer: then it lapses as ever") {
        o.d.now = o.d.now + DurationMs{7200000};
        (void)o.d.restart();
        for (size_t i = 0; i < 3; ++i) {
            (void)o.d.hello(i);
        }
        const JudgeRound order = o.d.run_to_judging();
        o.d.now = until();
        (void)o.d.step(o.d.judged(order));
        CHECK(o.d.machine->state().member(o.debtor())->ejected);
    }
    (void)o.d.restart();  // what it wrote leads to the same state
    CHECK(check_books(o.d.machine->state().books()).ok());
}

TEST_CASE("a ledger that cuts an open challenge's time short leads to no state", "[debt]") {
    Owing o;
    const Debt debt = *o.d.machine->state().debt(RoundId{2}, o.debtor());
    const DebtBody shorter{debt.until, "said again", debt.base_tiles.sha256, 16384};
    REQUIRE(
        o.d.ledger->append({make_draft(RecordKind::kDebt, RoundId{2}, o.debtor(), shorter)}).ok());
    const auto restored =
        RoundMachine::restore(o.d.records(), o.d.manifest, o.d.rules, [&o](uint64_t i) {
            return o.d.beacons.element(i);
        });
    REQUIRE_FALSE(restored.ok());
    CHECK_THAT(restored.reason(), Catch::Contains("no longer than before"));
}

TEST_CASE("the end of a run waits for an open challenge, as long as it may be answered", "[debt]") {
    MachineDriver d(2, 3);
    d.rules.peers_min = 1;
    d.rules.peers_start = 2;
    d.remake();
    d.begin();
    (void)d.run_round();
    (void)d.run_round();
    CHECK(actions_of<RunFinished>(d.run_without_opening(kDebtor)).empty());
    CHECK(d.machine->phase() == RoundPhase::kClosed);
    const PeerId& debtor = d.peers[kDebtor].id();
    REQUIRE(d.machine->wake_at());
    SECTION("answered") {
        (void)d.late_opening(kDebtor, RoundId{2});
        DebtJudged event;
        event.verdict.round = RoundId{2};
        event.verdict.peer = debtor;
        event.verdict.ruling = Ruling::kAccepted;
        event.verdict.layer = Layer::kRefusal;
        CHECK(actions_of<RunFinished>(d.step(event)).size() == 1);
        CHECK(d.machine->state().books().find(debtor)->escrow.forfeited() == 0);
    }
    SECTION("never answered") {
        d.now = *d.machine->wake_at();
        CHECK(actions_of<RunFinished>(d.step(Tick{})).size() == 1);
        CHECK(d.machine->state().books().find(debtor)->escrow.vested() == 0);
    }
    CHECK(check_books(d.machine->state().books()).ok());
}

TEST_CASE("an operator expels and pardons, and takes nothing by it", "[debt]") {
    MachineDriver d(3);
    d.rules.peers_min = 1;
    d.rules.peers_start = 3;
    d.remake();
    d.begin();
    (void)d.run_round();
    const PeerId& peer = d.peers[0].id();
    const int64_t deposit = d.machine->state().books().find(peer)->escrow.deposit();
    (void)d.commit(0);
    // Its COMMIT is still to be judged.
    CHECK(d.step(OperatorOrder{peer, OrderKind::kExpel, "a stolen key"}).empty());
    for (size_t i = 1; i < 3; ++i) {
        (void)d.commit(i);
    }
    std::vector<Action> last;
    for (size_t i = 0; i < 3; ++i) {
        (void)d.payload(i);
    }
    for (size_t i = 0; i < 3; ++i) {
        last = d.opening(i);
    }
    const std::vector<Action> done = d.step(d.judged(actions_of<JudgeRound>(last).at(0)));
    CHECK(refused(done) == RefusalCode::kRejected);
    CHECK(d.records()[d.records().size() - 2].kind == RecordKind::kOrder);
    const PeerBook& book = *d.machine->state().books().find(peer);
    CHECK(book.escrow.deposit() == deposit);
    CHECK(book.escrow.forfeited() == 0);
    CHECK(book.state.tenure_rounds == 2);
    CHECK(refused(d.hello(0)) == RefusalCode::kRejected);
    CHECK(actions_of<Persist>(d.step(OperatorOrder{peer, OrderKind::kExpel, "again"})).empty());
    CHECK(actions_of<Persist>(d.step(OperatorOrder{peer, OrderKind::kPardon, "found"})).size() ==
          1);
    CHECK_FALSE(refused(d.hello(0)));
    (void)d.restart();
    CHECK_FALSE(d.machine->state().member(peer)->ejected);
}

}  // namespace assay
