// A coordinator that is killed, and goes on from an older copy of its folder, with peers that have
// run on.

#include <catch2/catch.hpp>
#include <csignal>

#include "cli/command_line.h"
#include "tests/process/world.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

void kill_coordinator(ProcessWorld& world) {
    world.coordinator().signal(SIGKILL);
    world.coordinator().wait(10000);
}

void copy_folder(const fs::path& from, const fs::path& to) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
}

TEST_CASE("a coordinator on an older copy of its folder costs peers nothing but rounds",
          "[process]") {
    ProcessWorld world(60, 2);
    world.start_coordinator();
    for (const char* name : {"p1", "p2"}) {
        world.start_peer(name);
    }
    // COMMITs of a round that is not settled lie in the copy.
    const CoordinatorStatus copied = world.await([](const CoordinatorStatus& status) {
        return status.round.value >= 3 && status.phase == "challenging";
    });
    kill_coordinator(world);
    copy_folder(world.coordinator_folder(), world.folder() / "copy");
    world.start_coordinator();
    world.await([&](const CoordinatorStatus& status) {
        return status.round.value >= copied.round.value + 4;
    });
    kill_coordinator(world);
    const RoundId lost = world.next_round();
    copy_folder(world.folder() / "copy", world.coordinator_folder());
    world.start_coordinator();
    const CoordinatorStatus on = world.await([&](const CoordinatorStatus&) {
        return world.times_counted("p1", lost) >= 2 && world.times_counted("p2", lost) >= 2;
    });
    for (const PeerStatus& peer : on.peers) {
        CHECK(peer.forfeited == 0);
        CHECK(peer.vested + peer.unvested + peer.deposit > 0);
        CHECK(peer.doing != "ejected");
    }
    CHECK_THAT(world.log_of("coordinator"), Catch::Contains("the folder is an older copy"));
    CHECK_THAT(world.log_of("p1") + world.log_of("p2"),
               Catch::Contains("its folder is an older copy") &&
                   Catch::Contains("the coordinator has signed"));
    const auto [code, verified] =
        world.assay({"ledger", "verify", "--dir", world.coordinator_folder().string()});
    INFO(verified);
    CHECK(code == kExitNotChecked);  // whose run it is it was not told
    CHECK_THAT(verified, Catch::Contains("ledger verifies"));
}

}  // namespace
}  // namespace assay
