// What peers are given to prove by: receipts behind what is durable, and the index of what a closed
// round was judged by, for members, in its verdict window.

#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "rounds/retention.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

namespace {

MachineDriver driver(int64_t window) {
    MachineDriver d(2, 14);
    d.rules.peers_min = 1;
    d.rules.peers_start = 2;
    d.rules.pay.verdict_window = window;
    d.rules.verify.overlap_rounds = 2;
    d.remake();
    d.begin();
    return d;
}

// The one receipt among the actions, behind the records that it names.
Receipt only_receipt(const MachineDriver& d, const std::vector<Action>& actions) {
    const std::vector<Receipt> receipts = sent<Receipt>(actions);
    REQUIRE(receipts.size() == 1);
    const Receipt& receipt = receipts.front();
    const Record record = d.records().at(receipt.height);
    CHECK(record.hash == receipt.record_hash);
    CHECK(record.round == receipt.round);
    CHECK(record.subject == receipt.peer);
    CHECK(receipt.manifest_digest == d.machine->manifest_hash());
    return receipt;
}

EvidenceIndex index_of(MachineDriver& d, size_t peer, RoundId round) {
    d.now = d.now + DurationMs{1000};
    const auto indices = sent<EvidenceIndex>(d.step(EvidenceAsked{d.peers[peer].id(), round}));
    REQUIRE(indices.size() == 1);
    CHECK(indices[0].round == round);
    CHECK(indices[0].ledger_head == d.records().back().hash);
    CHECK(indices[0].height == d.records().back().height);
    return indices[0];
}

}  // namespace

TEST_CASE(
    "each thing that a peer hands in is acknowledged once it is recorded, and when it is said "
    "again",
    "[coordinator]") {
    MachineDriver d = driver(2);
    const std::vector<Action> committed = d.commit(0);
    Receipt receipt = only_receipt(d, committed);
    CHECK(receipt.kind == ReceiptKind::kCommit);
    CHECK(receipt.hash == d.machine->state().current()->commits.at(d.peers[0].id()).hash);
    CHECK(std::holds_alternative<Persist>(committed.front()));  // nothing is said before
    CHECK(only_receipt(d, d.commit(0)).height == receipt.height);
    (void)d.commit(1);
    receipt = only_receipt(d, d.payload(0));
    CHECK(receipt.kind == ReceiptKind::kPayload);
    CHECK(receipt.hash == d.blob(50));
    (void)d.restart();
    (void)d.hello(0);
    CHECK(only_receipt(d, d.commit(0)).kind == ReceiptKind::kCommit);
}

TEST_CASE("an opening is acknowledged by its hash", "[coordinator]") {
    MachineDriver d = driver(2);
    d.send_all();
    const Receipt receipt = only_receipt(d, d.opening(0));
    CHECK(receipt.kind == ReceiptKind::kOpening);
    CHECK(receipt.hash == d.opening_of(0).opening.sha256);
    CHECK(d.records().at(receipt.height).kind == RecordKind::kOpening);
}

TEST_CASE("by what a round was judged stays in its verdict window, listed for members",
          "[coordinator]") {
    MachineDriver d = driver(2);
    (void)d.run_round();
    const EvidenceIndex index = index_of(d, 0, RoundId{0});
    REQUIRE(index.entries.size() == 6);  // two peers' payload, opening, theta of the audited step
    for (const EvidenceEntry& entry : index.entries) {
        CHECK(d.shelf.contains(entry.blob.sha256));
    }
    const std::set<Digest> shown = shown_blobs(d.rules, d.machine->state());
    CHECK(shown.size() == index.entries.size());
    (void)d.run_round();
    CHECK(index_of(d, 1, RoundId{0}).entries.size() == index.entries.size());
    for (const EvidenceEntry& entry : index.entries) {
        CHECK(d.shelf.contains(entry.blob.sha256));
    }
    (void)d.restart();
    d.hello_all();
    CHECK(index_of(d, 1, RoundId{0}).entries.size() == index.entries.size());
    (void)d.run_round();
    CHECK(index_of(d, 0, RoundId{0}).entries.empty());
    size_t left = 0;
    for (const EvidenceEntry& entry : index.entries) {
        left += d.shelf.contains(entry.blob.sha256) ? 1 : 0;
    }
    CHECK(left == 2);  // the payloads, with which later ones are compared
    CHECK(index_of(d, 0, d.machine->round()).entries.empty());  // it runs yet
    CHECK(index_of(d, 0, RoundId{999}).entries.empty());
}

TEST_CASE("the index is for members, and not more often than it may be asked for",
          "[coordinator]") {
    MachineDriver d = driver(2);
    (void)d.run_round();
    const PeerId stranger = Identity::from_seed(MachineDriver::digest(99)).id();
    CHECK(sent<EvidenceIndex>(d.step(EvidenceAsked{stranger, RoundId{0}})).empty());
    CHECK(sent<EvidenceIndex>(d.step(EvidenceAsked{d.peers[0].id(), RoundId{0}})).size() == 1);
    CHECK(sent<EvidenceIndex>(d.step(EvidenceAsked{d.peers[0].id(), RoundId{0}})).empty());
    CHECK(sent<EvidenceIndex>(d.step(EvidenceAsked{d.peers[1].id(), RoundId{0}})).size() == 1);
    (void)d.step(PeerGone{d.peers[1].id()});
    CHECK(sent<EvidenceIndex>(d.step(EvidenceAsked{d.peers[1].id(), RoundId{0}})).empty());
}

}  // namespace assay
