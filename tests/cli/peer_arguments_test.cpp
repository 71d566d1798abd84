// `assay peer` with arguments that cannot be right: refused before anything is written.

#include <catch2/catch.hpp>
#include <filesystem>

#include "cli/command_line.h"
#include "cli/node_commands.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

int refused(const PeerCommand& command) {
    return run_peer_command(command,
                            [](const TrainerSettings&, const TrainerPorts&, GradientModel&) {
                                FAIL("the peer was started");
                                return std::unique_ptr<Trainer>();
                            });
}

PeerCommand good_command(const fs::path& folder) {
    PeerCommand command;
    command.coordinator = "tcp://127.0.0.1:7700";
    command.coordinator_key = Identity::generate().id().hex();
    command.folder = folder.string();
    return command;
}

}  // namespace

TEST_CASE("a peer makes no key before its arguments are right") {
    const ScratchFolder scratch;
    const fs::path folder = scratch.path() / "peer";
    for (const char* endpoint : {"127.0.0.1",
                                 "tcp://train.example",
                                 "tcp://:7700",
                                 "tcp://train.example:",
                                 "tcp://train.example:0",
                                 "tcp://train.example:70000",
                                 "tcp://train.example:77a",
                                 "tcp://train.example:7700,",
                                 "tcp://train.example:7700,udp://train.example:7701",
                                 "udp://train.example:7700"}) {
        CAPTURE(endpoint);
        PeerCommand command = good_command(folder);
        command.coordinator = endpoint;
        CHECK(refused(command) == kExitUsage);
        CHECK_FALSE(fs::exists(folder));
    }
    for (const std::string& key :
         {std::string("9f3c"), std::string(64, 'g'), std::string(64, 'f')}) {
        CAPTURE(key);
        PeerCommand command = good_command(folder);
        command.coordinator_key = key;
        CHECK(refused(command) == kExitUsage);
        CHECK_FALSE(fs::exists(folder));
    }
    PeerCommand command = good_command(folder);
    command.key_file = (scratch.path() / "none.key").string();
    CHECK(refused(command) == kExitFailed);
    CHECK_FALSE(fs::exists(folder));
}

}  // namespace assay
