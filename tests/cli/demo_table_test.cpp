// The live table of the demo: 100 columns whatever the figures are, colour only where asked for.

#include "cli/demo_table.h"

#include <catch2/catch.hpp>

namespace assay {
namespace {

PeerStatus peer(uint8_t number, const std::string& verdict, const std::string& reason) {
    PeerStatus status;
    status.id.key.fill(number);
    status.doing = "step 12 of 12";
    status.verdict = verdict;
    status.reason = reason;
    status.unvested = 270784;
    status.vested = 1234567890;
    status.tokens_per_second = 1999;
    status.uploaded_bytes = 54400000;
    return status;
}

CoordinatorStatus run_status() {
    CoordinatorStatus status;
    status.phase = "gathering";
    status.round.value = 4;
    status.rounds_total = 10;
    status.unigram_entropy = 5.766;
    status.peers = {peer(1, "counted", ""),
                    peer(2, "rejected", std::string(300, 'r')),
                    peer(3, "gated", "direction t = -0.3")};
    return status;
}

RoundStatus round_status() {
    RoundStatus round;
    round.round.value = 3;
    round.loss_before = 6.377F;
    round.loss_after = 6.104F;
    round.tokens = 36864;
    round.seconds = 18.4;
    round.peers = run_status().peers;
    return round;
}

TableStyle style_with(bool colour) {
    TableStyle style;
    style.colour = colour;
    style.names[run_status().peers[0].id] = "peer-1";
    style.names[run_status().peers[1].id] = "a_name_that_is_far_too_long_for_its_column";
    return style;
}

// What a terminal shows: without the escapes that set colours.
std::string shown(const std::string& line) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\033') {
            i = line.find('m', i);
        } else {
            text.push_back(line[i]);
        }
    }
    return text;
}

TEST_CASE("the live table fits 100 columns and says the same with and without colour", "[cli]") {
    const std::vector<RoundStatus> rounds = {round_status()};
    const auto plain = live_table(run_status(), rounds, style_with(false));
    const auto coloured = live_table(run_status(), rounds, style_with(true));
    REQUIRE(plain.size() == 2 + 3);
    REQUIRE(coloured.size() == plain.size());
    for (size_t i = 0; i < plain.size(); ++i) {
        INFO(plain[i]);
        CHECK(plain[i].size() <= 100);
        CHECK(plain[i].find('\033') == std::string::npos);
        CHECK(shown(coloured[i]) == plain[i]);
    }
    CHECK(coloured[2].find("\033[32m") != std::string::npos);  // counted: green
    CHECK(coloured[3].find("\033[31m") != std::string::npos);  // rejected: red
    CHECK(coloured[4].find("\033[33m") != std::string::npos);  // gated: yellow
}

TEST_CASE("the live table shows round, loss, verdict with reason, pay, speed and bytes", "[cli]") {
    const auto lines = live_table(run_status(), {round_status()}, style_with(false));
    for (const char* part : {"round 4 (0 to 9)", "gathering", "6.104", "5.766"}) {
        CHECK_THAT(lines[0], Catch::Contains(part));
    }
    for (const char* part : {"peer-1", "step 12 of 12", "counted", " 270784 ", " 1234567890"}) {
        CHECK_THAT(lines[2], Catch::Contains(part));
    }
    CHECK_THAT(lines[2], Catch::Contains("1999") && Catch::Contains("54.4 MB"));
    CHECK_THAT(lines[4], Catch::Contains("direction t = -0.3"));
    CHECK_THAT(lines[4], Catch::Contains(run_status().peers[2].id.brief()));
}

TEST_CASE("a round is told in one line, with those that did not count", "[cli]") {
    const std::string line = round_line(round_status(), style_with(false));
    CHECK(line.size() <= 100);
    CHECK_THAT(line,
               Catch::Contains("round 3: loss 6.377 -> 6.104") &&
                   Catch::Contains("2003 tokens/s") && Catch::Contains("rejected"));
    RoundStatus voided;
    voided.voided = true;
    CHECK(round_line(voided, style_with(false)) == "round 0: voided");
}

TEST_CASE("bytes are told with their unit, cells keep their width", "[cli]") {
    CHECK(human_bytes(0) == "0 B");
    CHECK(human_bytes(17900) == "17.9 kB");
    CHECK(human_bytes(50000000) == "50.0 MB");
    CHECK(cell("ab", 4) == "ab  ");
    CHECK(cell("abcdef", 5) == "abc..");
}

TEST_CASE("long lines break between words, and white space is one blank", "[cli]") {
    CHECK(wrapped("a \n\n b", "  ") == "a b");
    CHECK(wrapped("", "  ").empty());
    std::string text;
    for (int i = 0; i < 50; ++i) {
        text += "words ";
    }
    const std::string lines = wrapped(text + std::string(120, 'x'), "  ");
    CHECK(lines.find("words\n  words") == 84);
    CHECK(lines.find("\n  " + std::string(120, 'x')) != std::string::npos);
}

}  // namespace
}  // namespace assay
