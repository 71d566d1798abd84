// Deadlines: from measured figures, inside floor and ceiling whatever a peer claims.

#include "rounds/deadlines.h"

#include <catch2/catch.hpp>

namespace assay {

TEST_CASE("D1 follows the slowest peer's training with slack and grace", "[coordinator]") {
    DeadlineRules rules;
    rules.commit_floor = DurationMs{0};
    rules.grace = DurationMs{1000};
    rules.slack_percent = 50;
    const std::vector<PeerPace> paces{{10000, 1000, 1000000}, {10000, 2000, 2000000}};
    const RoundDeadlines deadlines = round_deadlines(rules, Instant{5000}, paces, 1000000, 3000000);
    CHECK(deadlines.commit.ms == 5000 + 15001 + 1000);         // 10 s * 1.5
    CHECK((deadlines.payload - deadlines.commit).ms == 2501);  // 1 s * 1.5 + grace
    CHECK(deadlines.opening.ms == 5501);
}

TEST_CASE("a peer without figures counts as a slow one", "[coordinator]") {
    DeadlineRules rules;
    rules.commit_floor = DurationMs{0};
    rules.default_tokens_per_second = 100;
    const std::vector<PeerPace> known{{1000, 1000, 1}};
    const std::vector<PeerPace> unknown{{1000, 0, 0}};
    CHECK(round_deadlines(rules, {}, known, 0, 0).commit <
          round_deadlines(rules, {}, unknown, 0, 0).commit);
}

TEST_CASE("claims cannot push a deadline out of its bounds", "[coordinator]") {
    const DeadlineRules rules;
    const std::vector<PeerPace> absurd{{~uint64_t{0}, 1, 1}};
    const RoundDeadlines late =
        round_deadlines(rules, Instant{0}, absurd, ~uint64_t{0}, ~uint64_t{0});
    CHECK(late.commit.ms == rules.commit_ceiling.ms);
    CHECK((late.payload - late.commit).ms == rules.transfer_ceiling.ms);
    CHECK(late.opening.ms == rules.transfer_ceiling.ms);
    const std::vector<PeerPace> instant{{0, ~uint64_t{0}, ~uint64_t{0}}};
    CHECK(round_deadlines(rules, Instant{0}, instant, 0, 0).commit.ms >= rules.commit_floor.ms);
}

TEST_CASE("a few slow peers hold a round up for several times the median, or the default's time",
          "[coordinator]") {
    DeadlineRules rules;
    rules.commit_floor = DurationMs{0};
    rules.grace = DurationMs{0};
    rules.slack_percent = 0;
    rules.default_tokens_per_second = 1000;
    const auto d1 = [&](const std::vector<PeerPace>& paces) {
        return round_deadlines(rules, Instant{0}, paces, 0, 0).commit.ms;
    };
    const PeerPace fast{10000, 10000, 0};  // 1 s
    const PeerPace slow{10000, 5000, 0};   // 2 s
    const PeerPace liar{10000, 1, 0};      // hours
    CHECK(d1({fast, slow}) == 2001);
    CHECK(d1({fast, fast, liar}) == 10001);  // the default's time
    CHECK(d1({fast, fast, liar, liar, liar, fast, fast}) == 10001);
    rules.default_tokens_per_second = 100000;
    CHECK(d1({fast, fast, liar}) == int64_t{4} * 1001);  // four times the median's
    CHECK(d1({fast, {10000, 0, 0}}) == 1001);            // a newcomer: the default's, 0.1 s
    CHECK(d1({liar}) > 3600000 - 1);                     // alone it holds up itself
}

TEST_CASE("rounds that nobody finished double the deadlines, up to their ceilings",
          "[coordinator]") {
    DeadlineRules rules;
    rules.commit_floor = DurationMs{1000};
    rules.transfer_floor = DurationMs{500};
    rules.commit_ceiling = DurationMs{10000};
    rules.transfer_ceiling = DurationMs{3000};
    rules.grace = DurationMs{0};
    const std::vector<PeerPace> fast{{1, 1000000, 1000000}};
    const auto after = [&](uint32_t empty) {
        return round_deadlines(rules, Instant{0}, fast, 1, 1, empty);
    };
    CHECK(after(0).commit.ms == 1000);
    CHECK(after(1).commit.ms == 2000);
    CHECK((after(1).payload - after(1).commit).ms == 1000);
    CHECK(after(1).opening.ms == 1000);
    CHECK(after(3).commit.ms == 8000);
    CHECK(after(4).commit.ms == 10000);
    CHECK(after(4).opening.ms == 3000);
    CHECK(after(4000000000U).commit.ms == 10000);
}

TEST_CASE("grace is the rule's, or a part of the time the others needed", "[coordinator]") {
    DeadlineRules rules;
    rules.grace = DurationMs{1000};
    rules.slack_percent = 50;
    CHECK(grace_after(rules, DurationMs{100}).ms == 1000);
    CHECK(grace_after(rules, DurationMs{10000}).ms == 5000);
}

TEST_CASE("a quorum is rounded up and never empty", "[coordinator]") {
    CHECK(quorum_of(100, 67) == 67);
    CHECK(quorum_of(7, 67) == 5);
    CHECK(quorum_of(5, 67) == 4);
    CHECK(quorum_of(1, 1) == 1);
    CHECK(quorum_of(0, 67) == 1);
    CHECK(quorum_of(4, 200) == 4);
}

TEST_CASE("a quorum of two peers or more leaves one out, unless all are asked for",
          "[coordinator]") {
    for (uint32_t roster = 2; roster <= 10; ++roster) {
        CHECK(quorum_of(roster, 67) < roster);
        CHECK(quorum_of(roster, 99) == roster - 1);
        CHECK(quorum_of(roster, 100) == roster);
    }
}

TEST_CASE("D2 and T_c follow from the slowest link, but from none under the least",
          "[coordinator]") {
    DeadlineRules rules;
    rules.transfer_floor = DurationMs{0};
    rules.grace = DurationMs{1000};
    rules.slack_percent = 50;
    rules.least_uplink_bytes_per_second = 50000;
    const auto opening = [&](uint64_t uplink) {
        const std::vector<PeerPace> paces{{1, 1000, 10000000}, {1, 1000, uplink}};
        return round_deadlines(rules, Instant{0}, paces, 0, 1000000).opening.ms;
    };
    CHECK(opening(100000) == 15001 + 1000);
    CHECK(opening(50000) == 30001 + 1000);
    CHECK(opening(1) == 30001 + 1000);
    CHECK(longest_transfer(rules, 1000000, DurationMs{5}).ms == 30001 + 1000);
    CHECK(longest_transfer(rules, 1000000, DurationMs{90000}).ms == 90000);
    rules.transfer_ceiling = DurationMs{20000};
    CHECK(longest_transfer(rules, 1000000, DurationMs{5}).ms == 20000);
    CHECK(longest_silence(rules, 262144).ms == 1000 + 1501);
    CHECK(longest_silence(rules, 1).ms == longest_silence(rules, 50000).ms);
}

}  // namespace assay
