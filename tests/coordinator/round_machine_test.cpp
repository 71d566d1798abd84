// Each transition of RoundMachine, each refusal, and what is durable before what is said.

#include "coordinator/round_machine.h"

#include <catch2/catch.hpp>

#include "core/merkle.h"
#include "protocol/codec.h"
#include "tests/coordinator/machine_driver.h"

namespace assay {

namespace {

template <typename T>
size_t position(const std::vector<Action>& actions) {
    for (size_t i = 0; i < actions.size(); ++i) {
        if (std::holds_alternative<T>(actions[i])) {
            return i;
        }
    }
    return actions.size();
}

bool writes(const Action& action, RecordKind kind) {
    const auto* persist = std::get_if<Persist>(&action);
    return persist != nullptr &&
           std::any_of(persist->drafts.begin(),
                       persist->drafts.end(),
                       [&](const RecordDraft& draft) { return draft.kind == kind; });
}

size_t written(const std::vector<Action>& actions, RecordKind kind) {
    for (size_t i = 0; i < actions.size(); ++i) {
        if (writes(actions[i], kind)) {
            return i;
        }
    }
    return actions.size();
}

template <typename T>
size_t spoken(const std::vector<Action>& actions) {
    for (size_t i = 0; i < actions.size(); ++i) {
        if (!sent<T>({actions[i]}).empty()) {
            return i;
        }
    }
    return actions.size();
}

}  // namespace

// ---- joining -------------------------------------------------------------------------------

TEST_CASE("round 0 opens when enough peers are there, with roster and plan durable first",
          "[coordinator]") {
    MachineDriver d(2);
    (void)d.start();
    CHECK(d.machine->phase() == RoundPhase::kWaiting);
    CHECK_FALSE(d.machine->wake_at());  // nothing happens by time alone
    CHECK(sent<RoundPlan>(d.hello(0)).empty());
    const std::vector<Action> opened = d.hello(1);
    CHECK(sent<RoundPlan>(opened).size() == 2);
    CHECK(written(opened, RecordKind::kPlan) < spoken<RoundPlan>(opened));
    CHECK(d.kinds_from(0) == std::vector<RecordKind>{RecordKind::kRunStart,
                                                     RecordKind::kJoin,
                                                     RecordKind::kJoin,
                                                     RecordKind::kRoster,
                                                     RecordKind::kPlan});
    CHECK(d.machine->phase() == RoundPhase::kGathering);
    CHECK(d.plan().base_root == d.manifest.initial_root);
    CHECK(d.plan().ledger_head == d.records().back().previous);
}

TEST_CASE("more peers may be asked for at the start than later", "[coordinator]") {
    MachineDriver d(3);
    d.rules.peers_min = 1;
    d.rules.peers_start = 3;
    d.machine = std::make_unique<RoundMachine>(
        d.manifest, d.rules, [&](uint64_t index) { return d.beacons.element(index); });
    (void)d.start();
    (void)d.hello(0);
    (void)d.hello(1);
    CHECK(d.machine->phase() == RoundPhase::kWaiting);
    (void)d.hello(2);
    CHECK(d.machine->phase() == RoundPhase::kGathering);
}

TEST_CASE("Hello: a zero digest gets the manifest, a wrong one both digests", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    Hello hello;
    hello.protocol_version = 1;
    const std::vector<Action> asked = d.step(PeerHello{d.peers[0].id(), hello});
    CHECK(sent<Welcome>(asked).size() == 1);
    CHECK(d.machine->connected().empty());

    hello.manifest_digest = MachineDriver::digest(9);
    const std::vector<Action> wrong = d.step(PeerHello{d.peers[0].id(), hello});
    REQUIRE(refused(wrong) == RefusalCode::kWrongManifest);
    CHECK(sent<Refusal>(wrong)[0].expected == d.machine->manifest_hash());
    CHECK(sent<Refusal>(wrong)[0].received == MachineDriver::digest(9));
    CHECK(sent<Refusal>(wrong)[0].reason.find(d.machine->manifest_hash().hex()) !=
          std::string::npos);
    CHECK(actions_of<CloseConnection>(wrong).size() == 1);

    hello.protocol_version = 2;
    CHECK(refused(d.step(PeerHello{d.peers[0].id(), hello})) == RefusalCode::kWrongVersion);
}

TEST_CASE("Hello again is no second join", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    (void)d.hello(0);
    const uint64_t height = d.ledger->height();
    (void)d.hello(0);
    CHECK(d.ledger->height() == height);
}

// What a peer declares says which bounds it is judged by: a run decides which there are.
TEST_CASE("a numeric class that the run does not admit is refused with those that it does",
          "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    (void)d.hello(0);
    const uint64_t height = d.ledger->height();
    for (const size_t peer : {size_t{0}, size_t{1}}) {  // a member, a stranger
        const std::vector<Action> actions = d.hello(peer, NumericClass::kBf16);
        REQUIRE(refused(actions) == RefusalCode::kWrongClass);
        CHECK(sent<Refusal>(actions)[0].reason ==
              "this run does not admit numeric class bf16; admitted: exact");
        CHECK(actions_of<CloseConnection>(actions).size() == 1);
        CHECK(sent<Welcome>(actions).empty());
    }
    CHECK(d.ledger->height() == height);
    CHECK(d.machine->state().member(d.peers[0].id())->numeric_class == NumericClass::kExact);
    CHECK_FALSE(d.machine->is_connected(d.peers[1].id()));
}

TEST_CASE("one change of class a round is recorded, a flood of them is not", "[coordinator]") {
    MachineDriver d;
    d.rules.classes = {NumericClass::kExact, NumericClass::kFp32};
    d.machine = std::make_unique<RoundMachine>(
        d.manifest, d.rules, [&](uint64_t index) { return d.beacons.element(index); });
    (void)d.start();
    d.hello_all();
    const uint64_t height = d.ledger->height();
    const std::vector<Action> soon = d.hello(0, NumericClass::kFp32);
    CHECK(refused(soon) == RefusalCode::kWrongRound);
    CHECK(sent<Welcome>(soon).empty());
    CHECK(d.ledger->height() == height);
    (void)d.run_round();
    const uint64_t closed = d.ledger->height();
    CHECK(sent<Welcome>(d.hello(0, NumericClass::kFp32)).size() == 1);
    for (int i = 0; i < 10; ++i) {
        (void)d.hello(0, NumericClass::kExact);
        (void)d.hello(0, NumericClass::kFp32);
    }
    CHECK(d.kinds_from(closed) == std::vector<RecordKind>{RecordKind::kJoin});
    (void)d.restart();  // it is in the ledger
    CHECK(refused(d.hello(0, NumericClass::kExact)) == RefusalCode::kWrongRound);
}

// ---- COMMIT and payload --------------------------------------------------------------------

TEST_CASE("a COMMIT is stored as received; the same bytes again change nothing", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    d.hello_all();
    (void)d.commit(0);
    CHECK(d.records().back().kind == RecordKind::kCommit);
    CHECK(d.records().back().body ==
          encode_envelope(make_envelope(d.peers[0].identity, d.commit_of(0))));
    const uint64_t height = d.ledger->height();
    CHECK(d.commit(0).empty());
    Commit other = d.commit_of(0);
    other.states_root = MachineDriver::digest(3);
    CHECK(refused(d.commit(0, other)) == RefusalCode::kDuplicate);
    CHECK(d.ledger->height() == height);
}

TEST_CASE("COMMITs that have no place are refused with their reason", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    CHECK(refused(d.step(CommitArrived{d.peers[0].id(), Commit{}, Envelope{}})) ==
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
    d.machine = std::make_unique<RoundMachine>(
        d.manifest, d.rules, [&](uint64_t index) { return d.beacons.element(index); });
    (void)d.start();
    (void)d.hello(0);
    (void)d.hello(1);
    (void)d.hello(2);
    CHECK(refused(d.commit(2)) == RefusalCode::kNotInRoster);
}

TEST_CASE("D1: late COMMITs are refused, the others go on", "[coordinator]") {
    MachineDriver d(3);
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    d.machine = std::make_unique<RoundMachine>(
        d.manifest, d.rules, [&](uint64_t index) { return d.beacons.element(index); });
    (void)d.start();
    d.hello_all();
    const Instant due = *d.machine->wake_at();
    (void)d.step(Stalled{DurationMs{50000}});
    CHECK(*d.machine->wake_at() == due + DurationMs{50000});
    d.now = d.now + DurationMs{40000};
    for (size_t i = 0; i < 2; ++i) {
        (void)d.commit(i);
        (void)d.payload(i);
    }
    REQUIRE(d.machine->phase() == RoundPhase::kChallenging);
    CHECK(d.plan().opening_time.ms < 20000);
    CHECK(*d.machine->wake_at() == d.now + DurationMs{20000});
}

TEST_CASE("a quorum leaves the rest its grace, not the whole time", "[coordinator]") {
    MachineDriver d(4);
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    CHECK(notice(right).empty());
}

// ---- close, beacon, openings ---------------------------------------------------------------

TEST_CASE("CLOSE and the next roster are durable before CLOSE is said, the beacon before it is",
          "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    d.hello_all();
    (void)d.commit(0);
    (void)d.commit(1);
    (void)d.payload(0);
    const std::vector<Action> closed = d.payload(1);
    CHECK(written(closed, RecordKind::kClose) == written(closed, RecordKind::kRoster));
    CHECK(written(closed, RecordKind::kClose) < spoken<CloseNotice>(closed));
    CHECK(spoken<CloseNotice>(closed) < written(closed, RecordKind::kBeacon));
    CHECK(written(closed, RecordKind::kBeacon) < spoken<Beacon>(closed));

    const Beacon beacon = sent<Beacon>(closed).at(0);
    CHECK(BeaconChain::before(beacon.chain_element) == d.manifest.beacon_tail);
    REQUIRE(sent<CloseNotice>(closed).size() == 2);
    for (const Send& send : actions_of<Send>(closed)) {
        const auto* notice = std::get_if<CloseNotice>(&send.message);
        if (notice == nullptr) {
            continue;
        }
        const CommitState& commit = d.machine->state().current()->commits.at(send.to);
        const Digest leaf = close_leaf({send.to, commit.hash, commit.commit.payload_hash});
        REQUIRE(notice->inclusion);
        CHECK(merkle_contains(notice->close.entries_root, leaf, *notice->inclusion));
        CHECK(beacon.close_root == notice->close.entries_root);
    }
}

TEST_CASE("without a payload by D2 a COMMIT is not in CLOSE, and late in the summary",
          "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    d.hello_all();
    (void)d.commit(0);
    (void)d.commit(1);
    (void)d.payload(0);
    d.now = *d.machine->wake_at();
    (void)d.step(Tick{});
    CHECK(d.machine->state().current()->close->entry_count == 1);
    const std::vector<JudgeRound> order = actions_of<JudgeRound>(d.opening(0));
    REQUIRE(order.size() == 1);
    CHECK(order[0].submissions.size() == 1);
    const std::vector<RoundSummary> summary = sent<RoundSummary>(d.step(d.judged(order[0])));
    REQUIRE(summary.at(0).entries.size() == 2);
    size_t late = 0;
    for (const SummaryEntry& entry : summary[0].entries) {
        late += entry.outcome == CommitOutcome::kLate ? 1 : 0;
    }
    CHECK(late == 1);
}

TEST_CASE("an opening with other steps, sizes or too many bytes is refused", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    d.hello_all();
    for (size_t i = 0; i < 2; ++i) {
        (void)d.commit(i);
        (void)d.payload(i);
    }
    OpeningNotice notice = d.opening_of(0);
    SECTION("another step") {
        notice.steps[0].step = 1 - notice.steps[0].step;
    }
    SECTION("no step") {
        notice.steps.clear();
    }
    SECTION("a state of another size") {
        notice.steps[0].theta.size_bytes = 16383;
    }
    SECTION("too large") {
        notice.opening.size_bytes = d.rules.opening_bytes_max + 1;
    }
    SECTION("empty") {
        notice.opening.size_bytes = 0;
    }
    const std::vector<Action> actions = d.step(OpeningNoticed{d.peers[0].id(), notice});
    CHECK(refused(actions) == RefusalCode::kOutOfBounds);
    CHECK(actions_of<FetchBlob>(actions).empty());
}

TEST_CASE("T_c: whoever was there all along gets no more time", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    d.hello_all();
    for (size_t i = 0; i < 2; ++i) {
        (void)d.commit(i);
        (void)d.payload(i);
    }
    (void)d.opening(0);
    d.now = *d.machine->wake_at();
    const std::vector<JudgeRound> order = actions_of<JudgeRound>(d.step(Tick{}));
    REQUIRE(order.size() == 1);
    REQUIRE(order[0].submissions.size() == 2);
    size_t missing = 0;
    for (const Submission& submission : order[0].submissions) {
        missing += submission.opening ? 0 : 1;
    }
    CHECK(missing == 1);
}

TEST_CASE("T_c is extended once, in public, for a peer that came back", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    d.hello_all();
    for (size_t i = 0; i < 2; ++i) {
        (void)d.commit(i);
        (void)d.payload(i);
    }
    (void)d.opening(0);
    (void)d.step(PeerGone{d.peers[1].id()});
    const std::vector<Action> back = d.hello(1);
    CHECK(sent<CloseNotice>(back).size() == 1);  // all it needs to open
    CHECK(sent<Beacon>(back).size() == 1);
    d.now = *d.machine->wake_at();
    CHECK(actions_of<JudgeRound>(d.step(Tick{})).empty());
    CHECK(d.records().back().kind == RecordKind::kExtension);
    SECTION("and it opens") {
        CHECK(actions_of<JudgeRound>(d.opening(1)).size() == 1);
    }
    SECTION("but not twice") {
        (void)d.step(PeerGone{d.peers[1].id()});
        (void)d.hello(1);
        d.now = *d.machine->wake_at();
        CHECK(actions_of<JudgeRound>(d.step(Tick{})).size() == 1);
    }
}

// ---- judging and after ---------------------------------------------------------------------

TEST_CASE("verdicts, pay, summary and the next plan are one batch, durable before the summary",
          "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    d.hello_all();
    const JudgeRound order = d.run_to_judging();
    CHECK(order.plan_digest == plan_digest(d.plan()));
    const uint64_t height = d.ledger->height();
    const std::vector<Action> done = d.step(d.judged(order));
    CHECK(actions_of<Persist>(done).size() == 1);
    CHECK(position<Persist>(done) < spoken<RoundSummary>(done));
    CHECK(spoken<RoundSummary>(done) < spoken<RoundPlan>(done));
    CHECK(d.kinds_from(height) == std::vector<RecordKind>{RecordKind::kVerdict,
                                                          RecordKind::kVerdict,
                                                          RecordKind::kShare,
                                                          RecordKind::kShare,
                                                          RecordKind::kShare,
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
    (void)d.start();
    d.hello_all();
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
    d.machine = std::make_unique<RoundMachine>(
        d.manifest, d.rules, [&](uint64_t index) { return d.beacons.element(index); });
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    d.machine = std::make_unique<RoundMachine>(
        d.manifest, d.rules, [&](uint64_t index) { return d.beacons.element(index); });
    (void)d.start();
    d.hello_all();
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
    d.machine = std::make_unique<RoundMachine>(
        d.manifest, d.rules, [&](uint64_t index) { return d.beacons.element(index); });
    (void)d.start();
    d.hello_all();
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

// ---- the end -------------------------------------------------------------------------------

TEST_CASE("a run ends when its last audit is answered, and all that is proven vests",
          "[coordinator]") {
    MachineDriver d(2, 3);
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
    (void)d.commit(0);
    const std::vector<Action> stopped = d.step(StopRequested{});
    REQUIRE(actions_of<RunFinished>(stopped).size() == 1);
    CHECK_FALSE(actions_of<RunFinished>(stopped)[0].complete);
    (void)d.restart();
    CHECK(d.machine->phase() == RoundPhase::kGathering);
    CHECK(d.machine->state().current()->commits.size() == 1);
}

// ---- after a crash -------------------------------------------------------------------------

TEST_CASE("a restarted machine goes on in the phase it died in", "[coordinator]") {
    MachineDriver d;
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    (void)d.start();
    d.hello_all();
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
    CHECK(d.step(AuditDone{}).empty());
    CHECK(d.ledger->height() == height);
    CHECK(d.machine->phase() == RoundPhase::kGathering);
}

}  // namespace assay
