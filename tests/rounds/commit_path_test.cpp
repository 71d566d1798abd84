// A COMMIT on its way from the wire into the ledger: opened once, its signature checked once,
// stored byte for byte.

#include <catch2/catch.hpp>

#include "ledger/consequences.h"
#include "protocol/codec.h"
#include "rounds/round_machine.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

TEST_CASE("a COMMIT's signature is checked once on its way into the ledger, and once on restart",
          "[coordinator]") {
    MachineDriver d;
    d.begin();
    Bytes wire = seal(d.peers[0].identity, d.commit_of(0));
    const Bytes canonical = wire;
    wire.insert(wire.end(), {0x78, 0x01});  // a field 15, which nobody knows: not canonical
    const uint64_t before = signatures_checked();
    const CheckedEnvelope envelope = unseal(wire).value();  // as the channel does
    (void)d.step(CommitArrived{d.peers[0].id(), d.commit_of(0), envelope});
    CHECK(signatures_checked() - before == 1);
    const Record stored = d.records().back();
    REQUIRE(stored.kind == RecordKind::kCommit);
    CHECK(stored.body == wire);
    CHECK(stored.body != canonical);
    const uint64_t restarting = signatures_checked();
    (void)d.restart();
    CHECK(signatures_checked() - restarting == 1);
    CHECK(d.machine->state().current()->commits.at(d.peers[0].id()).hash == commit_hash(envelope));
}

TEST_CASE("what became durable is handed on as it was read", "[coordinator]") {
    MachineDriver d;
    d.begin();
    const std::vector<Persist> durable = actions_of<Persist>(d.commit(0));
    REQUIRE(durable.size() == 1);
    REQUIRE(durable[0].events.size() == durable[0].drafts.size());
    REQUIRE(std::holds_alternative<JoinBody>(durable[0].events.front()));  // of a newcomer
    const auto* commit = std::get_if<CommitEvent>(&durable[0].events.back());
    REQUIRE(commit != nullptr);
    CHECK(commit->envelope.wire() == durable[0].drafts.back().body);
}

TEST_CASE("the identity goes with the rejection that the table says", "[coordinator]") {
    // All but kRefusal: in its round no challenge is lost.
    for (uint8_t number = 0; number < static_cast<uint8_t>(Layer::kRefusal); ++number) {
        const auto layer = static_cast<Layer>(number);
        CAPTURE(static_cast<int>(number));
        MachineDriver d(3);
        d.begin();
        RoundJudged event = d.judged(d.run_to_judging());
        event.peers[0].entered = false;
        event.peers[0].verdict.ruling = Ruling::kRejected;
        event.peers[0].verdict.layer = layer;
        event.peers[0].verdict.reason = "because";
        const PeerId peer = event.peers[0].verdict.peer;
        (void)d.step(event);
        const bool ejects = consequence_of(layer, 1).ejects;
        CHECK(d.machine->state().member(peer)->ejected == ejects);
        CHECK(d.machine->state().member(peer)->ejected_why == (ejects ? "because" : ""));
    }
}

// Signed before an older copy of the coordinator's folder was put back: nobody answers for it.
TEST_CASE("a COMMIT to another plan of the round is refused, and costs nothing", "[coordinator]") {
    MachineDriver d(2);
    d.begin();
    Commit other = d.commit_of(0);
    other.plan_digest = MachineDriver::digest(7);
    CHECK(refused(d.commit(0, other)) == RefusalCode::kWrongRound);
    CHECK(d.machine->state().current()->commits.empty());
    (void)d.commit(0);
    CHECK(d.machine->state().current()->commits.size() == 1);
}

}  // namespace assay
