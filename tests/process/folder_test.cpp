// What a folder is in for: two programs, no room, a peer that ends before it has the run's data,
// and sources that do not fit the run file.

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>

#include "cli/command_line.h"
#include "coordinator/run_folder.h"
#include "core/files.h"
#include "tests/process/world.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr int kFolderRounds = 25;

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// The run waits for a second peer, so that the first is at work for as long as it takes to look.
TEST_CASE("a second program in a folder is turned away, and the first goes on", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    const auto [coordinator, said] =
        world.assay({"coordinator",
                     "--config",
                     (world.folder() / "run.toml").string(),
                     "--dir",
                     world.coordinator_folder().string(),
                     "--admit",
                     (world.folder() / "admitted.txt").string(),
                     "--listen",
                     "tcp://127.0.0.1:" + std::to_string(free_port())});
    INFO(said);
    CHECK(coordinator == 1);
    CHECK(holds(said, "another process is at work in " + world.coordinator_folder().string()));
    world.start_peer("p1");
    world.await([](const CoordinatorStatus& s) {
        return std::any_of(
            s.peers.begin(), s.peers.end(), [](const PeerStatus& peer) { return peer.connected; });
    });
    std::vector<std::string> again = world.peer_words("p1");
    again.erase(again.begin());
    const auto [peer, answer] = world.assay(again);
    INFO(answer);
    CHECK(peer == 1);
    CHECK(holds(answer, "another process is at work in " + (world.folder() / "p1").string()));
    world.start_peer("p2");
    world.await_finish();
    world.check_honest({"p1", "p2"});
}

// Without its data on the coordinator's shelf a peer asks for it for ever.
TEST_CASE("Ctrl-C ends a peer that is still fetching the run's data", "[process]") {
    ProcessWorld world(kFolderRounds, 2);
    world.start_coordinator();
    for (const fs::directory_entry& blob :
         fs::directory_iterator(RunFolderPaths{world.coordinator_folder()}.blobs() / "public")) {
        fs::remove(blob.path());
    }
    FolderWatch watch(world.folder(), "p1.log");
    world.start_peer("p1");
    while (!holds(world.log_of("p1"), "fetching its data")) {
        const Status running = world.still_running();
        INFO((running ? std::string() : running.reason()));
        REQUIRE(running.ok());
        watch.await_change(1000);
    }
    world.end_peer("p1", SIGINT);
    CHECK(world.await_end("p1", 2000) == 0);
}

TEST_CASE("a peer whose disk is full ends and says so, and goes on with more room", "[process]") {
    ProcessWorld world(3, 1);
    world.start_coordinator();
    world.make_peer("p1");
    Result<ChildProcess> small =
        ChildProcess::start(on_small_disk(4, world.peer_words("p1")), world.folder() / "small.log");
    REQUIRE(small.ok());
    CHECK(small->wait(60000) == kExitTryAgain);
    const std::string log = world.log_of("small");
    INFO(log);
    CHECK(holds(log, "cannot be stored, so this peer stops"));
    CHECK(log.size() < 10000);  // said once
    world.start_peer("p1");
    world.await_finish();
    world.check_honest({"p1"});
}

TEST_CASE("a coordinator whose data does not fit leaves a folder that fitting settings can use",
          "[process]") {
    ProcessWorld world(3, 1, {{"model", "vocab_size", "256"}});
    world.launch_coordinator();
    CHECK(world.coordinator().wait(60000) == 1);
    INFO(world.log_of("coordinator"));
    CHECK(holds(world.log_of("coordinator"), "model.vocab_size is 256: train a tokenizer with"));
    CHECK_FALSE(fs::exists(RunFolderPaths{world.coordinator_folder()}.manifest()));
    const fs::path file = world.folder() / "run.toml";
    std::string text = read_text_file(file, 1 << 20).value();
    text.replace(text.find("vocab_size = 256"), 16, "vocab_size = 300");
    REQUIRE(write_file_atomically(file, as_bytes(text)).ok());
    world.start_coordinator();
}

}  // namespace
}  // namespace assay
