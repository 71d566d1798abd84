// The beacon of a history that was lost, in the ledger of the one that goes on.

#include <catch2/catch.hpp>

#include "ledger/ledger_show.h"
#include "tests/ledger/story.h"

namespace assay {
namespace {

using C = Conduct;

struct LostRounds {
    MemoryLedger ledger{Identity::from_seed(test_digest("coordinator"))};
    TestRun run{ledger, 4, short_pay()};

    LostRounds() {
        run.planned_rounds = 6;
        run.round();
        run.round({{2, C::kSilent}});
    }
    [[nodiscard]] RecordDraft lost(uint64_t round) const {
        Beacon beacon;
        beacon.round = RoundId{round};
        beacon.chain_element = run.chain.element(round + 1);
        beacon.value = beacon_value(beacon.chain_element, beacon.close_root);
        return {RecordKind::kBeacon, beacon.round, {}, encode_body(beacon)};
    }
};

TEST_CASE("a lost round's beacon closes open challenges, and its peers start anew", "[ledger]") {
    LostRounds l;
    REQUIRE(l.run.book(2).owes());
    REQUIRE(l.run.book(0).state.optimiser_steps > 0);
    l.run.write({l.lost(3)});
    CHECK(l.run.books.lost_until() == RoundId{3});
    CHECK_FALSE(l.run.book(2).owes());
    CHECK(l.run.books.start_of(l.run.id(0), RoundId{2}).optimiser_steps == 0);
    CHECK(l.run.books.start_of(l.run.id(0), RoundId{2}).e_root == l.run.books.zero_root());
    CHECK(l.run.book(0).state.tenure_rounds == 2);
    CHECK_FALSE(apply(l.run.books, l.run.challenge_verdict(RoundId{1}, 2, Ruling::kRejected)).ok());
    l.run.round({}, true);
    l.run.round({}, true);
    l.run.round();
    const VerifyReport report = verify_ledger(l.ledger, l.run.checks());
    INFO(report.text());
    CHECK(report.ok());
    CHECK(report.rounds == 5);
    CHECK(l.run.book(2).escrow.forfeited() == 0);
    const Result<std::string> story = describe_ledger(l.ledger);
    REQUIRE(story.ok());
    CHECK_THAT(*story, Catch::Contains("older copy") && Catch::Contains("round 3"));
}

TEST_CASE("a beacon that is out already is not lost", "[ledger]") {
    LostRounds l;
    CHECK_FALSE(apply(l.run.books, l.lost(1)).ok());
    CHECK(apply(l.run.books, l.lost(3)).ok());
    CHECK_FALSE(apply(l.run.books, l.lost(3)).ok());
    CHECK_FALSE(apply(l.run.books, l.lost(2)).ok());
    RecordDraft elsewhere = l.lost(5);
    elsewhere.round = RoundId{4};
    CHECK_FALSE(apply(l.run.books, elsewhere).ok());
    CHECK(apply(l.run.books, l.lost(5)).ok());
}

}  // namespace
}  // namespace assay
