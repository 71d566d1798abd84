// RoundMachine from CLOSE to the last opening.

#include <catch2/catch.hpp>

#include "core/merkle.h"
#include "protocol/codec.h"
#include "rounds/round_machine.h"
#include "tests/rounds/action_order.h"

namespace assay {

TEST_CASE("CLOSE and the next roster are durable before CLOSE is said, the beacon before it is",
          "[coordinator]") {
    MachineDriver d;
    d.begin();
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
    d.begin();
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
    d.begin();
    d.send_all();
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
    d.begin();
    d.send_all();
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

TEST_CASE("who comes back in the challenge is told all that it needs to open", "[coordinator]") {
    MachineDriver d;
    d.begin();
    d.send_all();
    (void)d.opening(0);
    (void)d.step(PeerGone{d.peers[1].id()});
    const std::vector<Action> back = d.hello(1);
    CHECK(sent<CloseNotice>(back).size() == 1);
    CHECK(sent<Beacon>(back).size() == 1);
    CHECK(actions_of<JudgeRound>(d.opening(1)).size() == 1);
}

}  // namespace assay
