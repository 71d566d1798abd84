// What a rejection costs, row by row, and that the books go by the same table.

#include "ledger/consequences.h"

#include <catch2/catch.hpp>

#include "tests/ledger/story.h"

namespace assay {
namespace {

struct Row {
    Layer layer;
    ForfeitCause cause;
    bool first;  // the first such rejection takes deposit and identity
};

constexpr Row kRows[] = {
    {Layer::kIdentity, ForfeitCause::kFault, false},
    {Layer::kForm, ForfeitCause::kFault, false},
    {Layer::kCopies, ForfeitCause::kCheat, true},
    {Layer::kDirection, ForfeitCause::kFault, false},
    {Layer::kTrace, ForfeitCause::kCheat, true},
    {Layer::kGradientAudit, ForfeitCause::kCheat, true},
    {Layer::kChunkChain, ForfeitCause::kCheat, true},
    {Layer::kAppeal, ForfeitCause::kCheat, true},
    {Layer::kAggregate, ForfeitCause::kFault, false},
    {Layer::kRefusal, ForfeitCause::kRefusal, true},
};

RecordDraft rejection(const TestRun& run, uint64_t round, Layer layer) {
    Verdict verdict;
    verdict.round = RoundId{round};
    verdict.peer = run.id(0);
    verdict.ruling = Ruling::kRejected;
    verdict.layer = layer;
    verdict.reason = "because";
    return {RecordKind::kVerdict, verdict.round, verdict.peer, encode_verdict(verdict)};
}

}  // namespace

TEST_CASE("each layer has one row, and the books take what it says") {
    uint8_t number = 0;
    for (const Row& row : kRows) {
        CAPTURE(static_cast<int>(row.layer));
        REQUIRE(static_cast<uint8_t>(row.layer) == number++);  // every layer, in order
        MemoryLedger ledger(Identity::from_seed(test_digest("coordinator")));
        TestRun run(ledger, 3, short_pay());
        run.round();
        run.round();
        run.round({{0, row.layer == Layer::kRefusal ? Conduct::kSilent : Conduct::kHonest}});
        run.round();
        const int64_t deposit = run.book(0).escrow.deposit();
        REQUIRE(deposit > 0);
        const uint32_t most = row.first ? 1 : kFaultsMax;
        for (uint32_t nth = 1; nth <= most; ++nth) {
            const bool all = row.first || nth == kFaultsMax;
            const Consequence follows = consequence_of(row.layer, nth);
            CHECK(follows.cause == row.cause);
            CHECK(follows.takes_deposit == all);
            CHECK(follows.ejects == all);
            const uint64_t round = row.first ? 2 : nth;
            REQUIRE(apply(run.books, rejection(run, round, row.layer)).ok());
            const std::vector<RecordDraft> owed = run.books.owed_forfeits();
            REQUIRE(owed.size() == 1);
            const ForfeitBody body = ForfeitBody::decode(owed[0].body).value();
            CHECK(body.cause == row.cause);
            CHECK(body.deposit == (all ? deposit : 0));
            REQUIRE(apply(run.books, owed[0]).ok());
            CHECK(run.book(0).ejected == all);
            CHECK(run.book(0).escrow.unvested_total() == 0);
        }
        const PeerBook& book = run.book(0);
        CHECK(book.cheats == (row.cause == ForfeitCause::kCheat ? most : 0U));
        CHECK(book.refusals == (row.cause == ForfeitCause::kRefusal ? most : 0U));
        CHECK(book.faults == (row.cause == ForfeitCause::kFault ? most : 0U));
    }
    CHECK(number == static_cast<uint8_t>(Layer::kRefusal) + 1);
}

}  // namespace assay
