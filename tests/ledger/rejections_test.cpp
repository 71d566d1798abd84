// Which layer found a peer out, by the ledger.

#include "ledger/rejections.h"

#include <catch2/catch.hpp>

#include "protocol/codec.h"
#include "tests/ledger/story.h"

namespace assay {

TEST_CASE("The last rejection of each peer is told by its layer, and only rejections are") {
    Story story;
    const auto found = last_rejections(story.ledger);
    REQUIRE(found.ok());
    CHECK(found->size() == 3);
    CHECK(found->at(story.run.id(2)).layer == Layer::kChunkChain);  // gated, late, silent before
    CHECK(found->at(story.run.id(3)).layer == Layer::kGradientAudit);
    CHECK(found->at(story.run.id(4)).layer == Layer::kForm);
}

TEST_CASE("That a peer was ejected before does not hide why") {
    Story story;
    Verdict repeated;
    repeated.layer = Layer::kIdentity;
    repeated.reason = "ejected in the meantime";
    const PeerId cheat = story.run.id(3);
    repeated.round = RoundId{7};
    repeated.peer = cheat;
    REQUIRE(
        story.ledger.append({{RecordKind::kVerdict, RoundId{7}, cheat, encode_verdict(repeated)}})
            .ok());
    CHECK(last_rejections(story.ledger)->at(cheat).layer == Layer::kGradientAudit);
}

TEST_CASE("A verdict that is damaged is named, not passed over") {
    Story story;
    REQUIRE(story.ledger.append({{RecordKind::kVerdict, RoundId{7}, {}, Bytes(3, 0xFF)}}).ok());
    CHECK_FALSE(last_rejections(story.ledger).ok());
}

TEST_CASE("A verdict that stands in another peer's record is named, and is nobody's") {
    Story story;
    Verdict verdict;
    verdict.ruling = Ruling::kRejected;
    verdict.layer = Layer::kDirection;
    verdict.round = RoundId{7};
    verdict.peer = story.run.id(0);
    REQUIRE(
        story.ledger
            .append({{RecordKind::kVerdict, RoundId{7}, story.run.id(1), encode_verdict(verdict)}})
            .ok());
    CHECK_FALSE(last_rejections(story.ledger).ok());
}

}  // namespace assay
