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

TEST_CASE("the system's clock stands after this program was written") {
    CHECK(SystemClock().now().ms > 1700000000000);
}

TEST_CASE("a node's time runs evenly while the wall clock is set forward and back") {
    constexpr int64_t kHour = 3600000;
    FakeClock wall(Instant{1000});
    DurationMs passed{77};
    const RunClock clock(wall.now(), {}, [&passed] { return passed; });
    CHECK(clock.now() == Instant{1000});
    for (const int64_t step : {kHour, -2 * kHour, kHour}) {
        wall.advance(DurationMs{step});
        passed.ms += 5;
        const Instant before = clock.now();
        passed.ms += 3;
        CHECK(clock.now() - before == DurationMs{3});
    }
    CHECK(clock.now() == Instant{1000 + 3 * 8});
}

TEST_CASE("a node's time begins no earlier than what was stored of it") {
    const auto still = [] { return DurationMs{123456}; };
    CHECK(RunClock(Instant{500}, Instant{900}, still).now() == Instant{900});
    CHECK(RunClock(Instant{-7}, Instant{0}, still).now() == Instant{0});
    CHECK(RunClock(Instant{900}, Instant{500}, still).now() == Instant{900});
    const RunClock real;
    const Instant first = real.now();
    CHECK(first.ms > 1700000000000);
    CHECK(real.now() >= first);
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
