// What a peer keeps of what its coordinator signed: which messages, durably, and never too much.

#include "peer/proof_book.h"

#include <catch2/catch.hpp>

#include "protocol/signed_lines.h"
#include "tests/peer/peer_fixture.h"
#include "tests/support/scratch_folder.h"

namespace assay {

namespace {

Envelope receipt_in(RoundId round, uint64_t height, const Identity& coordinator) {
    Receipt receipt;
    receipt.round = round;
    receipt.height = height;
    return *make_envelope(coordinator, receipt);
}

Receipt receipt_for(Fixture& f, const RoundPlan& plan) {
    Receipt receipt;
    receipt.manifest_digest = manifest_digest(f.manifest);
    receipt.round = plan.round;
    receipt.peer = f.self.id();
    return receipt;
}

}  // namespace

TEST_CASE("what was signed of a round is there after a restart, once each", "[peer]") {
    const ScratchFolder scratch;
    const Identity coordinator = Identity::from_seed(digest(1));
    const Envelope first = receipt_in(RoundId{3}, 7, coordinator);
    const Envelope second = receipt_in(RoundId{3}, 8, coordinator);
    CHECK_FALSE(ProofBook(scratch.path()).newest());
    REQUIRE(ProofBook(scratch.path()).keep(RoundId{3}, first).ok());
    REQUIRE(ProofBook(scratch.path()).keep(RoundId{3}, second).ok());
    REQUIRE(ProofBook(scratch.path()).keep(RoundId{3}, first).ok());
    CHECK(ProofBook(scratch.path()).load(RoundId{3}).value() ==
          signed_line(first) + signed_line(second));
    CHECK(ProofBook(scratch.path()).newest() == RoundId{3});
    CHECK_THAT(ProofBook(scratch.path()).load(RoundId{4}).reason(),
               Catch::Contains("it has rounds 3 to 3"));
}

TEST_CASE("the proofs of a round, and the rounds, are bounded", "[peer]") {
    const ScratchFolder scratch;
    const Identity coordinator = Identity::from_seed(digest(1));
    const ProofBook book(scratch.path());
    Envelope large = receipt_in(RoundId{0}, 1, coordinator);
    large.body.resize(ProofBook::kRoundBytesMax / 4);
    for (uint8_t i = 0; i < 4; ++i) {
        large.body[0] = i;
        REQUIRE(book.keep(RoundId{0}, large).ok());
    }
    CHECK(book.load(RoundId{0}).value().size() <= ProofBook::kRoundBytesMax);
    const Envelope small = receipt_in(RoundId{0}, 1, coordinator);
    for (uint64_t round = 1; round < ProofBook::kRoundsMost + 3; ++round) {
        REQUIRE(book.keep(RoundId{round}, small).ok());
    }
    CHECK_FALSE(book.load(RoundId{2}).ok());
    CHECK(book.load(RoundId{3}).ok());
    CHECK(book.newest() == RoundId{ProofBook::kRoundsMost + 2});
}

TEST_CASE("a peer keeps receipts, CLOSE and summary of its own rounds alone", "[peer]") {
    Fixture f;
    f.join();
    const RoundPlan plan = f.plan(0);
    (void)f.tell(plan);
    const RoundTrained work = f.trained(plan);
    (void)f.machine.step(work, f.now);
    const Receipt receipt = receipt_for(f, plan);
    const auto kept = all_of<KeepProof>(f.tell(receipt));
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].round == plan.round);
    CHECK(kept[0].envelope.body == encode_body(receipt));
    Receipt other = receipt;
    other.peer = f.coordinator.id();
    CHECK(all_of<KeepProof>(f.tell(other)).empty());
    other = receipt;
    other.manifest_digest = digest(8);
    CHECK(all_of<KeepProof>(f.tell(other)).empty());
    other = receipt;
    other.round = RoundId{5};
    CHECK(all_of<KeepProof>(f.tell(other)).empty());
    CHECK(all_of<KeepProof>(f.tell(f.close(plan, work))).size() == 1);
    CHECK(all_of<KeepProof>(f.tell(f.summary(0, CommitOutcome::kCounted))).size() == 1);
}

}  // namespace assay
