// Waiting for processes that have died: it ends within seconds and says who, how and with what last
// words.

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>

#include "tests/process/world.h"

namespace assay {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Why the wait for a first round, which never comes, ended; it has 120 seconds.
std::string why_not(ProcessWorld& world) {
    const auto begin = SteadyClock::now();
    const Result<CoordinatorStatus> seen =
        world.try_await([](const CoordinatorStatus& s) { return s.round.value >= 1; });
    CHECK(SteadyClock::now() - begin < std::chrono::seconds(30));
    REQUIRE_FALSE(seen.ok());
    return seen.reason();
}

TEST_CASE("a wait ends with exit code and last words of a peer that has died", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    world.start_peer("p1");
    world.make_peer("p2", false);
    world.start_peer("p2");
    const std::string reason = why_not(world);
    CHECK_THAT(reason,
               Catch::Contains("p2 ended with exit code 4;") &&
                   Catch::Contains("does not admit this node's key"));
    world.end_peer("p1", SIGTERM);
    const Status ended = world.end_of_peers(10000);
    REQUIRE_FALSE(ended.ok());
    CHECK_THAT(ended.reason(),
               Catch::Contains("p2 ended with exit code 4;") && !Catch::Contains("p1 ended"));
}

TEST_CASE("a wait names the signal that a process died of, unless the test meant it", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    world.start_peer("p1");
    // Until it has become the program, which does not handle this signal as the test does.
    world.await([](const CoordinatorStatus& s) { return !s.peers.empty(); });
    CHECK(world.still_running().ok());
    world.peer("p1").signal(SIGILL);  // as an instruction that the CPU lacks: nobody meant it
    CHECK_THAT(why_not(world), Catch::Contains("p1 ended with exit code 132 (signal 4, Illegal"));
    world.end_peer("p1", SIGKILL);
    CHECK(world.still_running().ok());
    world.coordinator().signal(SIGKILL);
    CHECK_THAT(why_not(world),
               Catch::Contains("coordinator ended with exit code 137 (signal 9, Killed)"));
}

// The last status that it wrote lies there still.
TEST_CASE("a wait ends where the coordinator ended well and can change nothing", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    world.coordinator().signal(SIGINT);
    CHECK_THAT(why_not(world), Catch::Contains("coordinator ended with exit code 0;"));
}

}  // namespace
}  // namespace assay
