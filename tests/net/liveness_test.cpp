// When a connection counts as dead, and that a pause of the node itself is nobody's silence.

#include "net/liveness.h"

#include <catch2/catch.hpp>

#include "net/backoff.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

constexpr Instant kStart{1000000};

Instant after(int64_t ms) {
    return kStart + DurationMs{ms};
}

}  // namespace

TEST_CASE("a connection that says nothing is dead in the end, and no word is later than a beat") {
    const ConnectionTimes times{{20000}};
    Liveness life(kStart);
    CHECK_FALSE(life.owes_beat(after(1999), times));
    CHECK(life.owes_beat(after(2000), times));
    life.spoken(after(2000));
    CHECK_FALSE(life.owes_beat(after(3999), times));
    CHECK(life.is_alive(after(5999), times));
    CHECK_FALSE(life.is_alive(after(6000), times));
    CHECK_FALSE(life.is_dead(after(19999), times));
    CHECK(life.is_dead(after(20000), times));
    life.heard(after(20000));
    CHECK(life.is_alive(after(20000), times));
    CHECK_FALSE(life.is_dead(after(39999), times));
}

TEST_CASE("an end whose beats are missed is asked, once a beat") {
    const ConnectionTimes times{{20000}};
    Liveness life(kStart);
    CHECK_FALSE(life.owes_question(after(3999), times));
    CHECK(life.owes_question(after(4000), times));
    life.asked(after(4000));
    CHECK_FALSE(life.owes_question(after(5999), times));
    CHECK(life.owes_question(after(6000), times));
    life.heard(after(6000));
    CHECK_FALSE(life.owes_question(after(9999), times));
    life.stood_still(DurationMs{5000});
    CHECK_FALSE(life.owes_question(after(14999), times));
    CHECK(life.owes_question(after(15000), times));
}

TEST_CASE("the time in which a node stood still is nobody's silence") {
    const ConnectionTimes times{{20000}};
    Liveness life(kStart);
    StallMeter loop;
    CHECK(loop.stood_still(kStart, times.beat()).ms == 0);
    CHECK(loop.stood_still(after(2000), times.beat()).ms == 0);
    constexpr int64_t kHour = 3600000;
    const DurationMs stood = loop.stood_still(after(2000 + kHour), times.beat());
    CHECK(stood.ms == kHour);
    life.stood_still(stood);
    CHECK(life.is_alive(after(2000 + kHour), times));
    CHECK_FALSE(life.is_dead(after(kHour + 19999), times));
    CHECK(life.is_dead(after(kHour + 20000), times));
    CHECK_FALSE(fired_check([&] { life.stood_still(DurationMs{-1}); }).empty());
}

TEST_CASE("tries come ever more seldom, up to a bound, and begin anew once one succeeded") {
    Backoff backoff(DurationMs{100}, DurationMs{5000}, Digest{});
    int64_t most = 100;
    for (int i = 0; i < 20; ++i) {
        const int64_t wait = backoff.next().ms;
        CHECK(most / 2 <= wait);
        CHECK(wait <= most);
        most = std::min<int64_t>(2 * most, 5000);
    }
    backoff.over();
    CHECK(backoff.next().ms <= 100);
    CHECK_FALSE(fired_check([] { Backoff(DurationMs{0}, DurationMs{1}, Digest{}); }).empty());
    CHECK_FALSE(fired_check([] { Backoff(DurationMs{2}, DurationMs{1}, Digest{}); }).empty());
}

}  // namespace assay
