// What must survive: killed peers, a killed coordinator, strangers, damage and Ctrl-C.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>

#include "core/files.h"
#include "tests/process/world.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

bool in_phase(const CoordinatorStatus& status, const std::string& phase, uint64_t round) {
    return status.round.value >= round && status.phase == phase;
}

TEST_CASE("a peer that is killed in mid-round costs the run nothing but its grace", "[process]") {
    ProcessWorld world(6, 2);
    world.start_coordinator();
    for (const char* name : {"p1", "p2", "p3"}) {
        world.start_peer(name);
    }
    world.await([](const CoordinatorStatus& s) { return in_phase(s, "gathering", 1); });
    world.peer("p3").signal(SIGKILL);
    world.await_finish();
    world.check_honest({"p1", "p2"});
}

TEST_CASE("a coordinator that is killed in each phase goes on where it was", "[process]") {
    ProcessWorld world(6, 2);
    world.start_coordinator();
    for (const char* name : {"p1", "p2"}) {
        world.start_peer(name);
    }
    uint64_t round = 0;
    for (const char* phase : {"gathering", "uploading", "challenging", "judging"}) {
        // A phase may pass between two looks: then the next one of the round is killed instead.
        world.await([&](const CoordinatorStatus& s) {
            return in_phase(s, phase, round) || s.round.value > round || s.finished;
        });
        world.coordinator().signal(SIGKILL);
        world.coordinator().wait(10000);
        world.start_coordinator();
        ++round;
    }
    world.await_finish();
    world.check_honest({"p1", "p2"});
    std::vector<uint64_t> seen;
    for (const RoundStatus& finished : world.rounds()) {
        if (seen.empty() || seen.back() != finished.round.value) {
            seen.push_back(finished.round.value);
        }
    }
    CHECK(std::is_sorted(seen.begin(), seen.end()));
}

size_t blobs_below(const fs::path& folder) {
    size_t count = 0;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder / "blobs")) {
        count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
}

TEST_CASE("rounds leave no blobs behind, at the coordinator and at peers", "[process]") {
    ProcessWorld world(6, 2, {{"verify", "overlap_rounds", "1"}});
    world.start_coordinator();
    for (const char* name : {"p1", "p2"}) {
        world.start_peer(name);
    }
    world.await_finish();
    world.check_honest({"p1", "p2"});
    // Tokenizer, data manifest, two shards; theta; three aggregates; two rounds' payloads.
    CHECK(blobs_below(world.coordinator_folder()) <= 4 + 1 + 3 + 4);
    for (const char* name : {"p1", "p2"}) {
        CHECK(blobs_below(world.folder() / name) == 3);  // data manifest and shards
    }
}

// A limit on the size of files is as near as a test comes to a full disk without mounting one.
TEST_CASE("a coordinator whose disk is full says so, and goes on where it was with more room",
          "[process]") {
    ProcessWorld world(5, 1);
    world.start_coordinator();
    world.start_peer("p1");
    world.await([](const CoordinatorStatus& s) { return s.round.value >= 1; });
    world.coordinator().signal(SIGKILL);
    world.coordinator().wait(10000);
    const auto ledger_bytes = fs::file_size(world.coordinator_folder() / "ledger.sqlite");
    world.start_coordinator_on_small_disk(static_cast<int>(ledger_bytes / 1024) + 24);
    CHECK(world.coordinator().wait(60000) == 1);
    const std::string log = world.log_of("coordinator");
    INFO(log);
    CHECK(log.find("cannot") != std::string::npos);
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(world.coordinator_folder() / "blobs" / "staging")) {
        FAIL("half-written: " + entry.path().string());
    }
    world.start_coordinator();
    world.await_finish();
    world.check_honest({"p1"});
}

// The first deadlines are those of a machine a thousand times as fast.
TEST_CASE("a run whose peers all lag gives them time until it goes on", "[process]") {
    ProcessWorld world(20,
                       2,
                       {{"rounds", "grace_ms", "10"},
                        {"rounds", "commit_floor_ms", "10"},
                        {"rounds", "transfer_floor_ms", "2000"},
                        {"rounds", "default_tokens_per_second", "1000000"}});
    world.start_coordinator();
    for (const char* name : {"p1", "p2"}) {
        world.start_peer(name);
    }
    world.await_finish();
    world.check_honest({"p1", "p2"});
    const std::vector<RoundStatus> rounds = world.rounds();
    REQUIRE(rounds.size() == 20);
    CHECK(rounds.front().voided);  // else the test has shown nothing
    CHECK(std::count_if(rounds.begin(), rounds.end(), [](const RoundStatus& round) {
              return !round.voided;
          }) >= 4);
}

TEST_CASE("an unknown key is refused, told which key to admit, and let in afterwards",
          "[process]") {
    ProcessWorld world(4, 1);
    world.start_coordinator();
    const PeerId stranger = world.make_peer("stranger", false);
    ChildProcess& refused = world.start_peer("stranger");
    CHECK(refused.wait(30000) != 0);
    CHECK(world.log_of("stranger").find(stranger.hex()) != std::string::npos);
    world.admit(stranger);
    world.start_peer("stranger");
    world.await_finish();
    world.check_honest({"stranger"});
}

TEST_CASE("a peer of another run is refused by both digests", "[process]") {
    ProcessWorld first(3, 1);
    first.start_coordinator();
    first.start_peer("p1");
    first.await_finish();
    ProcessWorld second(4, 1);
    second.start_coordinator();
    fs::copy(first.folder() / "p1", second.folder() / "p1", fs::copy_options::recursive);
    Result<Identity> identity = Identity::load(second.folder() / "p1" / "peer.key");
    REQUIRE(identity.ok());
    second.admit(identity->id());
    ChildProcess& peer = second.start_peer("p1");
    CHECK(peer.wait(60000) != 0);
    const std::string log = second.log_of("p1");
    CHECK(log.find("manifest") != std::string::npos);
}

TEST_CASE("garbage on the socket is refused and harms nobody", "[process]") {
    ProcessWorld world(4, 1);
    world.start_coordinator();
    const CoordinatorStatus status = world.await([](const CoordinatorStatus&) { return true; });
    const auto port =
        static_cast<uint16_t>(std::stoi(status.endpoint.substr(status.endpoint.rfind(':') + 1)));
    for (int i = 0; i < 8; ++i) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
        const std::string garbage(static_cast<size_t>(1 + i * 97), static_cast<char>(0xFF - i));
        ::send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL);
        ::close(fd);
    }
    world.start_peer("p1");
    world.await_finish();
    world.check_honest({"p1"});
}

TEST_CASE("a corrupted newest snapshot is named and the one before is used", "[process]") {
    ProcessWorld world(3, 1);
    world.start_coordinator();
    world.start_peer("p1");
    world.await_finish();
    fs::path newest;
    for (const fs::directory_entry& entry :
         fs::directory_iterator(world.coordinator_folder() / "snapshots")) {
        newest = std::max(newest, entry.path());
    }
    REQUIRE_FALSE(newest.empty());
    std::fstream file(newest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(newest) / 2));
    file.write("damage", 6);
    file.close();
    const auto [code, text] =
        world.assay({"checkpoint", "verify", "--dir", world.coordinator_folder().string()});
    CHECK(code != 0);
    CHECK(text.find(newest.filename().string()) != std::string::npos);
    const auto [info_code, info] =
        world.assay({"checkpoint", "info", "--dir", world.coordinator_folder().string()});
    INFO(info);
    CHECK(info_code == 0);
}

TEST_CASE("Ctrl-C ends a coordinator and a peer within two seconds, and both go on", "[process]") {
    ProcessWorld world(5, 1);
    world.start_coordinator();
    world.start_peer("p1");
    world.await([](const CoordinatorStatus& s) { return in_phase(s, "gathering", 1); });
    const auto start = std::chrono::steady_clock::now();
    world.peer("p1").signal(SIGINT);
    world.coordinator().signal(SIGINT);
    CHECK(world.peer("p1").wait(2000) == 0);
    CHECK(world.coordinator().wait(2000) == 0);
    INFO(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    world.start_coordinator();
    world.start_peer("p1");
    world.await_finish();
    world.check_honest({"p1"});
}

}  // namespace
}  // namespace assay
