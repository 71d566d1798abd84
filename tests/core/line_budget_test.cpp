// Nobody fills another's log, and what was left out is counted.

#include "core/line_budget.h"

#include <catch2/catch.hpp>

namespace assay {

namespace {

size_t lines_of(LineBudget& budget, const std::string& who, int tries, Instant now) {
    size_t lines = 0;
    for (int i = 0; i < tries; ++i) {
        lines += budget.line(who, "text", now) ? 1 : 0;
    }
    return lines;
}

}  // namespace

TEST_CASE("a peer has so many lines at once and then one in a while, with what was left out") {
    LineBudget budget;
    const Instant start{1000000};
    CHECK(lines_of(budget, "loud", 16512, start) == 20);
    CHECK(lines_of(budget, "quiet", 1, start) == 1);
    CHECK(lines_of(budget, "loud", 100, start + DurationMs{9999}) == 0);
    const auto line = budget.line("loud", "text", start + DurationMs{10000});
    REQUIRE(line);
    CHECK(*line == "text (and 16592 lines before it, left out)");
    CHECK(budget.line("loud", "text", start + DurationMs{20000}) == "text");
    CHECK(lines_of(budget, "loud", 100, start + DurationMs{10000000}) == 20);
}

TEST_CASE("ever new names get no list without end, and no log either") {
    LineBudget budget;
    const Instant start{1000000};
    size_t lines = 0;
    for (int i = 0; i < 10000; ++i) {
        lines += lines_of(budget, std::to_string(i), 1, start);
    }
    CHECK(lines == 4096 + 20);
    CHECK(lines_of(budget, "new", 1, start + DurationMs{10000}) ==
          1);  // the others' are full again
}

}  // namespace assay
