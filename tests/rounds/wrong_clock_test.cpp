// A restart with a wall clock that was set: no deadline goes by it, and stamps never run backwards.

#include <algorithm>
#include <catch2/catch.hpp>

#include "protocol/limits.h"
#include "rounds/deadlines.h"
#include "rounds/round_plan.h"
#include "tests/rounds/machine_driver.h"

namespace assay {

namespace {

constexpr DurationMs kHundredHours{360000000};

// A new process, whose wall clock says `wall`.
void restart_at(MachineDriver& d, Instant wall) {
    const RunClock clock(wall, d.machine->state().last_stamp(), [] { return DurationMs{}; });
    d.now = clock.now();
    (void)d.restart();
}

}  // namespace

TEST_CASE("a coordinator that restarts with a wrong clock waits no longer than its plan says",
          "[coordinator]") {
    const bool ahead = GENERATE(true, false);
    MachineDriver d(3);
    d.rules.deadlines.commit_floor = DurationMs{60000};
    d.rules.deadlines.transfer_ceiling = kHundredHours;
    d.remake();
    d.begin();
    (void)d.run_round();
    (void)d.commit(0);
    const DurationMs planned = d.plan().commit_deadline - d.plan().opened_at;
    restart_at(d, ahead ? d.now + kHundredHours : d.now - kHundredHours);
    REQUIRE(d.machine->wake_at());
    CHECK(*d.machine->wake_at() > d.now);
    CHECK(*d.machine->wake_at() - d.now <=
          std::max(planned, DurationMs{4 * limits::kReconnectMsMax}));
    d.hello_all();
    d.send_all();
    REQUIRE(d.machine->phase() == RoundPhase::kChallenging);
    (void)d.opening(0);
    (void)d.opening(1);
    REQUIRE(d.machine->wake_at());
    CHECK(*d.machine->wake_at() - d.now <=
          grace_after(d.rules.deadlines, planned));  // not of a hundred hours
}

TEST_CASE("stamps of a run never go backwards, whatever the clocks of its processes said",
          "[coordinator]") {
    MachineDriver d;
    d.begin();
    const Instant began = d.plan().opened_at;
    Instant newest = began;
    for (const int64_t hours : {5, -7, 100, 0}) {
        (void)d.commit(0);
        restart_at(d, began + DurationMs{hours * 3600000});
        d.hello_all();
        (void)d.run_round();
        CHECK(newest <= d.plan().opened_at);
        newest = d.plan().opened_at;
        CHECK(d.machine->state().last_stamp() == newest);
    }
    CHECK(newest == began + DurationMs{100 * int64_t{3600000}});
}

TEST_CASE("an operator's order is a stamp: nothing behind it is stamped earlier", "[coordinator]") {
    MachineDriver d(3);
    d.begin();
    (void)d.run_round();
    d.now = d.now + DurationMs{5000};
    (void)d.step(OperatorOrder{d.peers[2].id(), OrderKind::kExpel, "a stolen key"});
    CHECK(d.machine->state().last_stamp() == d.now);
}

}  // namespace assay
