// The ledger in words.

#include "ledger/ledger_show.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/ledger/story.h"

namespace assay {

TEST_CASE("A ledger is told in lines of 100 columns: who earned what, and why not") {
    Story story;
    const Result<std::string> told = describe_ledger(story.ledger);
    REQUIRE(told.ok());
    INFO(*told);
    std::istringstream lines(*told);
    for (std::string line; std::getline(lines, line);) {
        REQUIRE(line.size() <= kShowColumns);
    }
    const auto has = [&](const std::string& words) {
        return told->find(words) != std::string::npos;
    };
    for (size_t peer = 0; peer < story.run.peers.size(); ++peer) {
        REQUIRE(has(story.run.id(peer).brief()));
        REQUIRE(has(std::to_string(story.run.book(peer).escrow.earned())));
    }
    REQUIRE(has("step 3: the"));
    REQUIRE(has("6000018 handed out"));
    REQUIRE(has("cheat in round 2"));
    REQUIRE(has("owed: the opening was drawn"));
    REQUIRE(has("answered for round 4, late"));
    REQUIRE(has("is pardoned by the operator: a bad cable"));
    REQUIRE(has("share of round 2 taken out of E again"));
    REQUIRE(has("voided: no quorum"));
    REQUIRE(has("late: no payload"));
    REQUIRE(has("fees:  250 from 1 accounts"));
}

TEST_CASE("A ledger whose books do not follow is not told") {
    Story story;
    story.ledger.stored()[40].kind = RecordKind::kRunStart;
    REQUIRE(describe_ledger(story.ledger).reason().find("record 40") != std::string::npos);
    MemoryLedger empty(story.run.coordinator);
    REQUIRE(describe_ledger(empty).reason() == "the ledger is empty");
}

TEST_CASE("Reasons of any length and any bytes stay within the table") {
    MemoryLedger ledger(Identity::from_seed(test_digest("coordinator")));
    TestRun run(ledger, 2, short_pay());
    run.gate_reason = std::string(3000, 'x') + "\x1b[2J\n" + std::string(500, ' ');
    run.round({{1, Conduct::kGated}});
    const std::string told = describe_ledger(ledger).value();
    std::istringstream lines(told);
    for (std::string line; std::getline(lines, line);) {
        REQUIRE(line.size() <= kShowColumns);
    }
    REQUIRE(told.find('\x1b') == std::string::npos);
}

}  // namespace assay
