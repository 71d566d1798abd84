// RoundMachine: who joins a run, and who is refused.

#include <catch2/catch.hpp>

#include "rounds/round_machine.h"
#include "tests/rounds/action_order.h"

namespace assay {

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
    CHECK(d.kinds_from(0) ==
          std::vector<RecordKind>{RecordKind::kRunStart, RecordKind::kRoster, RecordKind::kPlan});
    CHECK(d.machine->phase() == RoundPhase::kGathering);
    CHECK(d.plan().base_root == d.manifest.initial_root);
    CHECK(d.plan().ledger_head == d.records().back().previous);
}

TEST_CASE("more peers may be asked for at the start than later", "[coordinator]") {
    MachineDriver d(3);
    d.rules.peers_min = 1;
    d.rules.peers_start = 3;
    d.remake();
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
    d.rules.peers_min = 1;
    d.remake();
    (void)d.start();
    (void)d.hello(0);
    (void)d.commit(0);
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
    d.remake();
    d.begin();
    (void)d.commit(0);  // it joins, in the class that the plan has for it
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

}  // namespace assay
