// Clocks.

#include "core/clock.h"

#include <catch2/catch.hpp>

#include "core/ids.h"

namespace assay {

TEST_CASE("instants and durations add up") {
    const Instant start{1000};
    CHECK((start + DurationMs{5}).ms == 1005);
    CHECK((start - DurationMs{5}).ms == 995);
    CHECK(((start + DurationMs{5}) - start).ms == 5);
    CHECK(start < start + DurationMs{1});
    CHECK(DurationMs{-1} < DurationMs{});
}

TEST_CASE("a fake clock moves only when told") {
    FakeClock clock(Instant{7});
    CHECK(clock.now() == Instant{7});
    clock.advance(DurationMs{3});
    CHECK(clock.now() == Instant{10});
    clock.set(Instant{2});
    CHECK(clock.now() == Instant{2});
}

TEST_CASE("the system's clock stands after this program was written and does not run backwards") {
    const SystemClock clock;
    const Instant first = clock.now();
    CHECK(first.ms > 1700000000000);
    CHECK(clock.now() >= first - DurationMs{1000});
}

TEST_CASE("the order of peers is the order of their bytes") {
    PeerId low;
    PeerId high;
    low.key[1] = 0x7f;
    high.key[1] = 0x80;
    CHECK(low < high);
    low.key[0] = 1;
    CHECK(high < low);
    CHECK(RoundId{3}.next() == RoundId{4});
    CHECK(high.brief() == high.hex().substr(0, 8));
}

}  // namespace assay
