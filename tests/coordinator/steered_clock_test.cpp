// A node's time closes up with a wall clock that is wrong or set, evenly and never backwards.

#include "coordinator/steered_clock.h"

#include <catch2/catch.hpp>
#include <cstdlib>

namespace assay {
namespace {

constexpr int64_t kHour = 3600000;

struct Steered {
    DurationMs passed;  // since the start
    SteeredClock clock{RunClock(Instant{kHour}, {}, [this] { return passed; })};
    Instant last = clock.now();

    // So long, by a wall clock that is ahead of even time by this; looked at each 20 ms.
    void run(DurationMs time, DurationMs ahead) {
        for (const int64_t until = passed.ms + time.ms; passed.ms < until;) {
            passed.ms += 20;
            const Instant before = clock.now();
            clock.follow(Instant{kHour + passed.ms + ahead.ms});
            const Instant now = clock.now();
            REQUIRE(last <= before);
            REQUIRE(before <= now);
            REQUIRE(now - last <= DurationMs{22});
            last = now;
        }
    }
    [[nodiscard]] int64_t ahead() const { return (clock.now() - Instant{kHour + passed.ms}).ms; }
};

TEST_CASE("a node's time closes up with the wall clock by a fiftieth, and never goes back") {
    Steered steered;
    steered.run(DurationMs{10000}, DurationMs{0});
    CHECK(steered.ahead() == 0);
    steered.run(DurationMs{100000}, DurationMs{kHour});  // set forward
    CHECK(steered.ahead() > 1600);
    CHECK(steered.ahead() <= 2000);
    const int64_t before = steered.ahead();
    steered.run(DurationMs{50000}, DurationMs{-kHour});  // and back
    CHECK(steered.ahead() < before - 800);
    steered.run(DurationMs{200000}, DurationMs{500});
    CHECK(std::abs(steered.ahead() - 500) <= 1);
    steered.run(DurationMs{1000}, DurationMs{500});
    CHECK(std::abs(steered.ahead() - 500) <= 1);
}

TEST_CASE("a node's time begins no earlier than what was stored, and then runs slower") {
    DurationMs passed;
    const auto elapsed = [&passed] { return passed; };
    SteeredClock clock(RunClock(Instant{0}, Instant{9000}, elapsed));
    CHECK(clock.now() == Instant{9000});
    for (int i = 0; i < 100; ++i) {
        passed.ms += 1000;
        clock.follow(Instant{passed.ms});
    }
    passed.ms += 1000;
    CHECK(clock.now() == Instant{9000 + 101000 - 2000});
    passed.ms += 100 * kHour;  // it stood still
    const Instant before = clock.now();
    clock.follow(Instant{0});
    CHECK(clock.now() == before);
    passed.ms += 20;
    CHECK(clock.now() == before);
    passed.ms += 1;
    CHECK(clock.now() == before + DurationMs{1});
    const SteeredClock real;
    CHECK(real.now().ms > 1700000000000);
}

}  // namespace
}  // namespace assay
