// The slips of an operator's hand, and what a supervisor sees: each is said before anything is
// written, ends with an exit code that tells whether another try may do, and harms no run.

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <map>

#include "cli/command_line.h"
#include "core/files.h"
#include "tests/process/world.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

std::vector<std::string> coordinator_words(const ProcessWorld& world,
                                           const fs::path& folder,
                                           const std::string& listen) {
    return {"coordinator",
            "--config",
            (world.folder() / "run.toml").string(),
            "--dir",
            folder.string(),
            "--data",
            (world.folder() / "data").string(),
            "--tokenizer",
            (world.folder() / "tokenizer.json").string(),
            "--admit",
            (world.folder() / "admitted.txt").string(),
            "--listen",
            listen};
}

// All files below, with their sizes.
std::map<std::string, uintmax_t> listing(const fs::path& folder) {
    std::map<std::string, uintmax_t> all;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
        all[entry.path().string()] = entry.is_regular_file() ? entry.file_size() : 0;
    }
    return all;
}

// Waits until a log holds these words.
void await_words(ProcessWorld& world, const std::string& name, const std::string& words) {
    FolderWatch watch(world.folder(), name + ".log");
    while (world.log_of(name).find(words) == std::string::npos) {
        const Status running = world.still_running();
        INFO((running ? world.log_of(name) : running.reason()));
        REQUIRE(running.ok());
        watch.await_change(1000);
    }
}

TEST_CASE("an address that cannot be listened on is found before there is a folder", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    const CoordinatorStatus running =
        world.await([](const CoordinatorStatus& s) { return !s.endpoint.empty(); });
    const fs::path folder = world.folder() / "second";
    const auto [busy, why] = world.assay(coordinator_words(world, folder, running.endpoint));
    INFO(why);
    CHECK(busy == kExitTryAgain);
    CHECK_THAT(why, Contains(running.endpoint));
    CHECK_FALSE(fs::exists(folder));
    for (const char* const listen :
         {"nonsense", "tcp://127.0.0.1:seven", "no address", "udp://127.0.0.1:7700"}) {
        const auto [code, said] = world.assay(coordinator_words(world, folder, listen));
        INFO(said);
        CHECK(code == kExitUsage);
        CHECK_THAT(said,
                   Contains("--listen: `" + std::string(listen) + "` is no address of the form"));
        CHECK_FALSE(fs::exists(folder));
    }
}

TEST_CASE("a coordinator whose folder or settings do not fit says never again", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    world.coordinator().signal(SIGINT);
    CHECK(world.coordinator().wait(20000) == kExitOk);
    const std::vector<std::string> words = coordinator_words(
        world, world.coordinator_folder(), "tcp://127.0.0.1:" + std::to_string(free_port()));
    std::vector<std::string> other = words;
    other.insert(other.end(), {"--rounds", "4"});
    const auto [changed, what] = world.assay(other);
    INFO(what);
    CHECK(changed == kExitNeverAgain);
    CHECK_THAT(what, Contains("belongs to a run with other settings (rounds.rounds"));
    std::vector<std::string> sources = words;
    *(std::find(sources.begin(), sources.end(), "--tokenizer") + 1) =
        (world.folder() / "run.toml").string();
    const auto [another, whose] = world.assay(sources);
    INFO(whose);
    CHECK(another == kExitNeverAgain);
    CHECK_THAT(whose, Contains("--tokenizer: ") && Contains("is not what the run in"));
}

TEST_CASE("neither kind of node writes into the other's folder", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    world.coordinator().signal(SIGINT);
    CHECK(world.coordinator().wait(20000) == kExitOk);
    const auto before = listing(world.coordinator_folder());
    std::vector<std::string> peer = world.peer_words("coordinator");
    peer.erase(peer.begin());
    const auto [code, said] = world.assay(peer);
    INFO(said);
    CHECK(code == kExitNeverAgain);
    CHECK_THAT(said, Contains("is a coordinator's folder (it has coordinator.key)"));
    CHECK(listing(world.coordinator_folder()) == before);

    world.make_peer("p1");
    const auto peers = listing(world.folder() / "p1");
    const auto [other, words] = world.assay(coordinator_words(
        world, world.folder() / "p1", "tcp://127.0.0.1:" + std::to_string(free_port())));
    INFO(words);
    CHECK(other == kExitNeverAgain);
    CHECK_THAT(words, Contains("is a peer's folder (it has peer.key)"));
    CHECK(listing(world.folder() / "p1") == peers);
}

TEST_CASE("what is most likely a slip in a run file is warned of", "[process]") {
    ProcessWorld world(3,
                       2,
                       {{"model", "vocab_size", "400"},
                        {"rounds", "grace_ms", "30"},
                        {"inner", "learning_rate", "2"}});
    world.start_coordinator();
    CHECK_THAT(world.log_of("coordinator"),
               Contains("model.vocab_size is 400, but the data's tokenizer has 300 tokens") &&
                   Contains("rounds.grace_ms is 30 milliseconds") &&
                   Contains("inner.learning_rate is 2:"));
}

TEST_CASE("a running node's key is printed by a command", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    const CoordinatorStatus status =
        world.await([](const CoordinatorStatus& s) { return !s.key.empty(); });
    const auto [code, key] = world.assay({"keygen", "--show", world.coordinator_folder().string()});
    CHECK(code == kExitOk);
    CHECK(key == status.key + "\n");
    const PeerId peer = world.make_peer("p1");
    CHECK(world.assay({"keygen", "--show", (world.folder() / "p1" / "peer.key").string()}).second ==
          peer.hex() + "\n");
    const auto [none, words] = world.assay({"keygen", "--show", world.folder().string()});
    CHECK(none == kExitFailed);
    CHECK_THAT(words, Contains("neither a coordinator.key nor a peer.key"));
}

TEST_CASE("SIGHUP reads the admission list again and ends nobody", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    world.start_peer("p1");
    await_words(world, "coordinator", "waiting for 1 of 2 peers");
    world.coordinator().signal(SIGHUP);
    await_words(world, "coordinator", "admission list read again: 1 keys in");
    world.peer("p1").signal(SIGHUP);
    world.start_peer("p2");
    world.await_finish();
    world.check_honest({"p1", "p2"});
    CHECK_THAT(world.log_of("coordinator"), Contains("joined, class exact, key "));
}

// Its own figures are of no interest here: what counts is what is looked at, and what is not
// touched.
TEST_CASE("doctor looks at a run from outside, and leaves no trace in it", "[process]") {
    ProcessWorld world(3, 2);
    world.start_coordinator();
    const CoordinatorStatus status =
        world.await([](const CoordinatorStatus& s) { return !s.endpoint.empty(); });
    world.make_peer("p1");
    const auto records = fs::file_size(world.coordinator_folder() / "ledger.sqlite");
    std::vector<std::string> words = {"doctor",
                                      "--coordinator",
                                      status.endpoint,
                                      "--coordinator-key",
                                      status.key,
                                      "--config",
                                      (world.folder() / "run.toml").string(),
                                      "--dir",
                                      (world.folder() / "p1").string()};
    const auto [code, said] = world.assay(words);
    INFO(said);
    CHECK(code == kExitOk);
    for (const char* const line : {"answers and lets this peer in",
                                   "on both sides",
                                   "clocks",
                                   "downlink",
                                   "uplink",
                                   "s a round here: 8 steps of 4 x 32 tokens",
                                   "of payload and"}) {
        CHECK_THAT(said, Contains(line));
    }
    CHECK(world.await([](const CoordinatorStatus&) { return true; }).peers.empty());
    CHECK(fs::file_size(world.coordinator_folder() / "ledger.sqlite") == records);

    words.back() = (world.folder() / "nobody").string();
    const auto [refused, why] = world.assay(words);
    INFO(why);
    CHECK(refused == kExitFailed);
    CHECK_THAT(why, Contains("does not admit this node's key"));
    CHECK_FALSE(fs::exists(world.folder() / "nobody"));

    world.start_peer("p1");
    await_words(world, "coordinator", "waiting for 1 of 2 peers");
    words.back() = (world.folder() / "p1").string();
    CHECK_THAT(world.assay(words).second, Contains("not asked: another process is at work in"));
    words.at(2) = "tcp://127.0.0.1:" + std::to_string(free_port());
    words.back() = (world.folder() / "nobody").string();
    const auto [nowhere, whence] = world.assay(words);
    INFO(whence);
    CHECK(nowhere == kExitFailed);
    CHECK_THAT(whence, Contains("nobody answers at " + words.at(2)));
}

TEST_CASE("the exit codes that a supervisor goes by stand in the help of the nodes", "[process]") {
    ProcessWorld world(1, 1);
    for (const char* const node : {"coordinator", "peer"}) {
        std::string help = world.assay({node, "--help"}).second;
        std::replace(help.begin(), help.end(), '\n', ' ');
        CHECK_THAT(help,
                   Contains("4 another try ends the same way") && Contains("5 another try may do"));
    }
}

}  // namespace
}  // namespace assay
