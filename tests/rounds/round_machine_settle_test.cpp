// RoundMachine behind a verdict: pay, summaries, voided rounds, audits.

#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "rounds/round_machine.h"
#include "tests/rounds/action_order.h"

namespace assay {

TEST_CASE("verdicts, pay, summary and the next plan are one batch, durable before the summary",
          "[coordinator]") {
    MachineDriver d;
    d.begin();
    const JudgeRound order = d.run_to_judging();
    CHECK(order.plan_digest == plan_digest(d.plan()));
    const uint64_t height = d.ledger->height();
    const std::vector<Action> done = d.step(d.judged(order));
    CHECK(actions_of<Persist>(done).size() == 1);
    CHECK(position<Persist>(done) < spoken<RoundSummary>(done));
    CHECK(spoken<RoundSummary>(done) < spoken<RoundPlan>(done));
    CHECK(d.kinds_from(height) == std::vector<RecordKind>{RecordKind::kVerdict,
                                                          RecordKind::kVerdict,
                                                          RecordKind::kPayShare,
                                                          RecordKind::kPayShare,
                                                          RecordKind::kPayShare,
                                                          RecordKind::kSettlement,
                                                          RecordKind::kSummary,
                                                          RecordKind::kPlan});
    const std::vector<Record> records = d.records();
    const RoundSummary summary = sent<RoundSummary>(done).at(0);
    CHECK(summary.ledger_head == records[records.size() - 2].previous);
    CHECK(d.plan().ledger_head == records.back().previous);
    CHECK(d.plan().round == RoundId{1});
    CHECK(d.plan().previous_beacon == order.beacon);
    CHECK(d.plan().peers[0].m_root == MachineDriver::digest(110));
    CHECK(d.plan().peers[0].optimiser_steps == d.rules.inner_steps);
    CHECK(d.plan().peers[0].tenure_rounds == 1);
    CHECK(d.plan().stream_position == 8);  // 2 peers, 2 steps, 2 sequences
    CHECK(d.plan().pool.empty());
}

TEST_CASE("not counted: the old roots, and the samples go back to the pool", "[coordinator]") {
    MachineDriver d;
    d.begin();
    const JudgeRound order = d.run_to_judging();
    RoundJudged event = d.judged(order);
    event.peers[0].entered = false;
    event.peers[0].verdict.ruling = Ruling::kGated;
    event.peers[0].verdict.layer = Layer::kDirection;
    const RoundSummary summary = sent<RoundSummary>(d.step(event)).at(0);
    CHECK(summary.entries[0].outcome == CommitOutcome::kGated);
    CHECK(summary.entries[1].outcome == CommitOutcome::kCounted);
    CHECK(d.plan().peers[0].m_root == zero_tiles_root(1));
    CHECK(d.plan().peers[0].tenure_rounds == 0);
    CHECK(d.plan().peers[1].m_root == MachineDriver::digest(110));
    uint64_t returned = 0;
    for (const SampleRange& range : d.plan().pool) {
        returned += range.end - range.begin;
    }
    CHECK(returned == 4);
}

TEST_CASE("a proven lie ends an identity: refused, paid nothing, not in later rosters",
          "[coordinator]") {
    MachineDriver d(3);
    d.rules.peers_min = 1;
    d.rules.peers_start = 3;
    d.remake();
    d.begin();
    RoundJudged event = d.judged(d.run_to_judging());
    const PeerId cheat = event.peers[0].verdict.peer;
    const size_t index = cheat == d.peers[0].id() ? 0 : cheat == d.peers[1].id() ? 1 : 2;
    event.peers[0].entered = false;
    event.peers[0].verdict.ruling = Ruling::kRejected;
    event.peers[0].verdict.layer = Layer::kChunkChain;
    event.peers[0].verdict.reason = "scales differ";
    const std::vector<Action> done = d.step(event);
    CHECK(refused(done) == RefusalCode::kRejected);
    CHECK(actions_of<CloseConnection>(done).size() == 1);
    CHECK(refused(d.hello(index)) == RefusalCode::kRejected);
    CHECK(refused(d.commit(index)) == RefusalCode::kRejected);
    CHECK(d.plan().peers.size() == 3);  // its roster was frozen before
    // The others need not wait for it.
    for (size_t i = 0; i < 3; ++i) {
        if (i != index) {
            (void)d.commit(i);
            (void)d.payload(i);
        }
    }
    CHECK(d.machine->phase() == RoundPhase::kChallenging);
    CHECK(d.machine->state().roster(RoundId{2})->size() == 2);
    CHECK(d.machine->state().books().find(cheat)->escrow.earned() == 0);
}

TEST_CASE("a round without a COMMIT is voided, and closes with its own beacon element",
          "[coordinator]") {
    MachineDriver d;
    d.begin();
    d.now = *d.machine->wake_at();
    const std::vector<Action> done = d.step(Tick{});
    const RoundSummary summary = sent<RoundSummary>(done).at(0);
    CHECK(summary.voided);
    CHECK(summary.theta_root == d.manifest.initial_root);
    CHECK(sent<Beacon>(done).at(0).chain_element == d.beacons.element(1));
    CHECK(d.plan().round == RoundId{1});
    CHECK(d.plan().base_root == d.manifest.initial_root);
    CHECK(d.plan().theta.sha256 == d.rules.initial_theta.sha256);
    uint64_t returned = 0;
    for (const SampleRange& range : d.plan().pool) {
        returned += range.end - range.begin;
    }
    CHECK(returned == 8);
}

TEST_CASE("with too few peers a round waits without a clock, and is voided once enough are there",
          "[coordinator]") {
    MachineDriver d(3);
    d.begin();
    for (size_t i = 0; i < 3; ++i) {
        (void)d.step(PeerGone{d.peers[i].id()});
    }
    (void)d.hello(0);
    d.now = *d.machine->wake_at();
    (void)d.step(Tick{});  // round 0 voided, roster of round 1 has one peer
    CHECK(d.machine->round() == RoundId{1});
    CHECK(d.plan().peers.size() == 1);
    CHECK_FALSE(d.machine->wake_at());
    CHECK(refused(d.commit(0)) == RefusalCode::kNotInRoster);
    CHECK(sent<RoundPlan>(d.hello(1)).empty());
    const std::vector<Action> enough = d.hello(2);
    CHECK(d.machine->round() == RoundId{2});
    CHECK(sent<RoundSummary>(enough).at(0).voided);
    CHECK(sent<RoundPlan>(enough).size() == 3);
}

// ---- audits --------------------------------------------------------------------------------

TEST_CASE("a refusal by one auditor is not enough; a second who passes it ends it",
          "[coordinator]") {
    MachineDriver d;
    d.begin();
    RoundJudged event = d.judged(d.run_to_judging());
    const AuditJob job = d.job(0);
    event.audits = {job};
    CHECK(actions_of<RunAudit>(d.step(event)).size() == 1);
    const std::vector<RunAudit> second = actions_of<RunAudit>(d.report(job, false, 1));
    REQUIRE(second.size() == 1);
    CHECK(second[0].attempt == 2);
    CHECK(d.report(job, false, 1).empty());  // said twice
    (void)d.report(job, true, 2);
    const RoundState* round = d.machine->state().find(RoundId{0});
    REQUIRE(round->late_verdicts.count(d.peers[0].id()) == 1);
    CHECK(round->late_verdicts.at(d.peers[0].id()).ruling == Ruling::kAccepted);
    CHECK(round->late_verdicts.at(d.peers[0].id()).suspicious);
    CHECK(d.machine->state().take_backs().empty());
}

TEST_CASE("two refusals: forfeit, ejection, and the share is taken out of the next aggregate",
          "[coordinator]") {
    MachineDriver d(3);
    d.rules.peers_min = 1;
    d.rules.peers_start = 3;
    d.remake();
    d.begin();
    RoundJudged event = d.judged(d.run_to_judging());
    const AuditJob job = d.job(0);
    event.audits = {job};
    (void)d.step(event);
    (void)d.report(job, false, 1);
    const std::vector<Action> verdict = d.report(job, false, 2);
    CHECK(refused(verdict) == RefusalCode::kRejected);
    const PeerBook& book = *d.machine->state().books().find(d.peers[0].id());
    CHECK(book.escrow.forfeited() > 0);
    CHECK(book.escrow.unvested_total() == 0);
    CHECK(d.machine->state().take_backs().size() == 1);

    std::vector<Action> last;
    for (size_t i = 1; i < 3; ++i) {
        (void)d.commit(i);
        (void)d.payload(i);
    }
    for (size_t i = 1; i < 3; ++i) {
        last = d.opening(i);
    }
    const std::vector<JudgeRound> order = actions_of<JudgeRound>(last);
    REQUIRE(order.size() == 1);
    REQUIRE(order[0].take_backs.size() == 1);
    CHECK(order[0].take_backs[0].peer == d.peers[0].id());
    CHECK(order[0].take_backs[0].entered.size() == 3);
    (void)d.step(d.judged(order[0]));
    CHECK(d.machine->state().take_backs().empty());
    uint64_t returned = 0;
    for (const SampleRange& range : d.plan().pool) {
        returned += range.end - range.begin;
    }
    CHECK(returned == 8);  // its ranges of round 0, and of round 1
}

TEST_CASE("audits are certain for newcomers, suspects, and in rounds that cannot vest",
          "[coordinator]") {
    MachineDriver d(2, 20);
    d.rules.pay.audit_min_ppm = 1000;
    d.remake();
    d.begin();
    CHECK(d.plan().peers[0].audit_ppm == kPpm);
    for (int i = 0; i < 5; ++i) {
        (void)d.run_round();
    }
    CHECK(d.plan().peers[0].audit_ppm < kPpm);
    RoundJudged event = d.judged(d.run_to_judging());
    event.peers[0].verdict.suspicious = true;
    event.audits = {d.job(0), d.job(1)};
    (void)d.step(event);
    CHECK(d.plan().peers[0].audit_ppm == kPpm);
    CHECK(d.plan().peers[1].audit_ppm < kPpm);
    (void)d.report(event.audits[0], true, 1);
    (void)d.report(event.audits[1], true, 1);
    while (d.machine->round().value < 18) {
        (void)d.run_round();
    }
    CHECK(d.plan().peers[1].audit_ppm == kPpm);
}

TEST_CASE("an audit that ends while the next round is judged waits for its summary") {
    MachineDriver d(3);
    d.rules.peers_min = 1;
    d.rules.peers_start = 3;
    d.remake();
    d.begin();
    RoundJudged event = d.judged(d.run_to_judging());
    const AuditJob job = d.job(0);
    event.audits = {job};
    (void)d.step(event);
    const JudgeRound order = d.run_to_judging();
    REQUIRE(d.machine->phase() == RoundPhase::kJudging);
    CHECK(d.report(job, false, 1).empty());

    // The summary says what was ordered; the audit is recorded behind it, and asked for once more.
    const std::vector<Action> actions = d.step(d.judged(order));
    CHECK(spoken<RoundSummary>(actions) < written(actions, RecordKind::kAuditReport));
    REQUIRE(position<RunAudit>(actions) > 0);
    CHECK_FALSE(d.machine->state().member(d.peers[0].id())->ejected);
    (void)d.report(job, false, 2);
    CHECK(d.machine->state().member(d.peers[0].id())->ejected);
    CHECK(check_books(d.machine->state().books()).ok());
}

}  // namespace assay
