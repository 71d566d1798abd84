// What must survive: killed peers, a killed coordinator, strangers, damage and Ctrl-C.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>

#include "cli/command_line.h"
#include "coordinator/run_folder.h"
#include "core/files.h"
#include "net/zmq_channel.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "tests/process/world.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

// So many that a test that looks now and then meets a round that runs, on any machine.
constexpr int kManyRounds = 25;

TEST_CASE("a peer that is killed in mid-round costs the run nothing but its grace", "[process]") {
    ProcessWorld world(kManyRounds, 2);
    world.start_coordinator();
    for (const char* name : {"p1", "p2", "p3"}) {
        world.start_peer(name);
    }
    const RoundId killed =
        world.await([](const CoordinatorStatus& s) { return s.round.value >= 1; }).round;
    world.end_peer("p3", SIGKILL);
    world.await_finish();
    world.check_honest({"p1", "p2"});
    const size_t left = kManyRounds - 1 - killed.value;
    for (const char* name : {"p1", "p2"}) {
        CHECK(2 * world.times_counted(name, killed) >= left);  // a busy machine may cost some
    }
}

size_t blobs_below(const fs::path& folder) {
    size_t count = 0;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder / "blobs")) {
        count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
}

TEST_CASE("rounds leave no blobs behind, at the coordinator and at peers", "[process]") {
    ProcessWorld world(8, 2, {{"verify", "overlap_rounds", "1"}, {"pay", "verdict_window", "1"}});
    world.start_coordinator();
    for (const char* name : {"p1", "p2"}) {
        world.start_peer(name);
    }
    world.await_finish();
    world.check_honest({"p1", "p2"});
    // Tokenizer, data manifest, two shards; theta; three aggregates; what two peers handed in for
    // the last rounds, 14 a round with the states of audits: the window's, the newest's.
    CHECK(blobs_below(world.coordinator_folder()) <= 4 + 1 + 3 + 2 * 14);
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
    CHECK(world.coordinator().wait(60000) == kExitTryAgain);
    const std::string log = world.log_of("coordinator");
    INFO(log);
    CHECK(log.find("cannot") != std::string::npos);
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(world.coordinator_folder() / "blobs" / "staging")) {
        FAIL("half-written: " + entry.path().string());
    }
    const RoundId next = world.next_round();
    world.start_coordinator();
    world.await_finish();
    world.check_honest({"p1"});
    CHECK(world.times_counted("p1", next) > 0);
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
    world.start_peer("stranger");
    CHECK(world.await_end("stranger", 30000) == kExitNeverAgain);
    CHECK(world.log_of("stranger").find(stranger.hex()) != std::string::npos);
    const std::string said = world.log_of("coordinator");
    INFO(said);
    CHECK(said.find("refused a stranger at 127.0.0.1: its key") != std::string::npos);
    CHECK(said.find(stranger.hex()) != std::string::npos);
    world.admit(stranger);
    world.start_peer("stranger");
    world.await_finish();
    world.check_honest({"stranger"});
}

TEST_CASE("a run that admits any needs no list; one with a list says which file it wants",
          "[process]") {
    ProcessWorld open(3, 1, {{"rounds", "admit", "\"any\""}});
    open.set_admission_file("");
    open.make_peer("stranger", false);
    open.start_coordinator();
    open.start_peer("stranger");
    open.await_finish();
    open.check_honest({"stranger"});

    ProcessWorld listed(3, 1);
    listed.set_admission_file("");
    const fs::path list = listed.coordinator_folder() / "admitted_keys";
    listed.launch_coordinator();
    CHECK(listed.coordinator().wait(30000) == 2);
    CHECK(listed.log_of("coordinator").find("there is no admission list " + list.string()) !=
          std::string::npos);
    const PeerId refused = listed.make_peer("stranger", false);
    std::ofstream(list) << "# nobody yet\n";
    listed.start_coordinator();
    listed.start_peer("stranger");
    CHECK(listed.await_end("stranger", 30000) == kExitNeverAgain);
    std::ofstream(list) << refused.hex() << "\n";
    listed.start_peer("stranger");
    listed.await_finish();
    listed.check_honest({"stranger"});
}

TEST_CASE("a list for a run that admits any is a contradiction that is refused", "[process]") {
    ProcessWorld world(3, 1, {{"rounds", "admit", "\"any\""}});
    world.launch_coordinator();
    CHECK(world.coordinator().wait(30000) == 2);
    CHECK(world.log_of("coordinator").find("lets everybody in") != std::string::npos);
}

std::string manifest_of(const ProcessWorld& world) {
    const std::string bytes =
        read_text_file(RunFolderPaths{world.coordinator_folder()}.manifest(), 1U << 20).value();
    return manifest_digest(decode_manifest(as_bytes(bytes)).value()).hex();
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
    second.start_peer("p1");
    CHECK(second.await_end("p1", 60000) == kExitNeverAgain);
    const std::string log = second.log_of("p1");
    INFO(log);
    const std::string ours = manifest_of(first);
    const std::string theirs = manifest_of(second);
    REQUIRE(ours != theirs);
    CHECK(log.find(ours) != std::string::npos);
    CHECK(log.find(theirs) != std::string::npos);
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

// Says one thing to the coordinator and waits until that has ended the connection.
void say_and_be_cut_off(const CoordinatorStatus& coordinator,
                        const Identity& identity,
                        const Bytes& wire) {
    const auto client = std::move(
        ZmqClient::open(identity, coordinator.endpoint, peer_id_from_hex(coordinator.key).value())
            .value());
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    bool said = false;
    while (std::chrono::steady_clock::now() < deadline) {
        for (const ClientEvent& event : client->poll(DurationMs{100})) {
            if (std::holds_alternative<Disconnected>(event)) {
                CHECK(said);
                return;
            }
        }
        said = said || (client->connected() && client->send(wire).ok());
    }
    FAIL("the coordinator did not close the connection");
}

TEST_CASE("messages of an admitted peer that are not what they should be cost it the connection",
          "[process]") {
    ProcessWorld world(4, 1);
    world.make_peer("p1");
    const PeerId stranger_id = world.make_peer("stranger");
    world.start_coordinator();
    const CoordinatorStatus status = world.await([](const CoordinatorStatus&) { return true; });
    const Identity stranger = Identity::load(world.folder() / "stranger" / "peer.key").value();
    const Identity honest = Identity::load(world.folder() / "p1" / "peer.key").value();
    REQUIRE(stranger.id() == stranger_id);
    Bytes truncated = seal(stranger, Heartbeat{1});
    truncated.resize(truncated.size() - 3);
    Envelope forged = make_envelope(stranger, Heartbeat{1});
    forged.signature[3] ^= 1U;
    const std::vector<Bytes> messages = {Bytes(300, 0xAB),
                                         truncated,
                                         encode_envelope(forged),
                                         seal(honest, Heartbeat{1}),  // another's, replayed
                                         Bytes(limits::kMessageBytesMax + 1)};
    for (const Bytes& wire : messages) {
        say_and_be_cut_off(status, stranger, wire);
    }
    world.await([&](const CoordinatorStatus& s) { return s.refused_messages >= messages.size(); });
    world.start_peer("p1");
    const CoordinatorStatus last = world.await_finish();
    CHECK(last.refused_messages == messages.size());
    world.check_honest({"p1"});
}

// Snapshots by age, the newest last.
std::vector<fs::path> snapshots_of(const ProcessWorld& world) {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry :
         fs::directory_iterator(world.coordinator_folder() / "snapshots")) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

void damage(const fs::path& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(fs::file_size(path) / 2));
    file.write("damage", 6);
}

TEST_CASE("a corrupted newest snapshot is named and the one before is used", "[process]") {
    ProcessWorld world(kManyRounds, 1);
    world.start_coordinator();
    world.start_peer("p1");
    world.await([](const CoordinatorStatus& s) { return s.round.value >= 3; });
    // Without its peer a round is voided; then nothing is on its way, and nothing being judged.
    world.peer("p1").signal(SIGSTOP);
    world.await([&](const CoordinatorStatus&) { return world.rounds().back().voided; });
    world.coordinator().signal(SIGKILL);
    world.coordinator().wait(10000);
    world.peer("p1").signal(SIGCONT);
    const std::vector<fs::path> files = snapshots_of(world);
    REQUIRE(files.size() >= 2);
    const fs::path& newest = files.back();
    damage(newest);
    uint64_t last_step = 0;
    for (const RoundStatus& round : world.rounds()) {
        last_step = round.voided ? last_step : round.round.value;
    }
    const auto [code, text] =
        world.assay({"checkpoint", "verify", "--dir", world.coordinator_folder().string()});
    CHECK(code != 0);
    CHECK(text.find(newest.filename().string()) != std::string::npos);
    const auto [info_code, info] =
        world.assay({"checkpoint", "info", "--dir", world.coordinator_folder().string()});
    INFO(info);
    CHECK(info_code == 0);
    world.start_coordinator();
    world.await_finish();
    world.check_honest({"p1"});
    const std::string log = world.log_of("coordinator");
    INFO(log);
    CHECK(log.find("snapshot " + newest.string() + ": it is damaged") != std::string::npos);
    CHECK(log.find("took the step of round " + std::to_string(last_step)) != std::string::npos);
}

// A chain of beacons for ten million rounds takes seconds to make.
TEST_CASE("Ctrl-C ends a coordinator within two seconds though it has just begun", "[process]") {
    ProcessWorld world(10000000, 1);
    const fs::path secret = RunFolderPaths{world.coordinator_folder()}.beacon();
    FolderWatch watch(world.coordinator_folder());
    world.launch_coordinator();
    while (!fs::exists(secret) && !world.coordinator().poll()) {
        watch.await_change(1000);
    }
    world.coordinator().signal(SIGINT);
    CHECK(world.coordinator().wait(2000) == 0);
    INFO(world.log_of("coordinator"));
    CHECK(world.log_of("coordinator").find("stopped at its start") != std::string::npos);
}

TEST_CASE("Ctrl-C ends a coordinator within two seconds, though a round waits for a peer",
          "[process]") {
    ProcessWorld world(kManyRounds, 1);
    world.start_coordinator();
    world.start_peer("p1");
    world.await([](const CoordinatorStatus& s) { return s.round.value >= 1; });
    world.peer("p1").signal(SIGSTOP);
    world.coordinator().signal(SIGINT);
    CHECK(world.coordinator().wait(2000) == 0);
    const RoundId next = world.next_round();
    world.peer("p1").signal(SIGCONT);
    world.start_coordinator();
    world.await_finish();
    world.check_honest({"p1"});
    CHECK(world.times_counted("p1", next) > 0);
}

TEST_CASE("Ctrl-C ends a peer within two seconds, and the round it leaves does not count for it",
          "[process]") {
    // Rounds that are nearly all training, so that the signal comes in the middle of it.
    ProcessWorld world(4, 1, {{"inner", "inner_steps", "400"}});
    world.start_coordinator();
    world.start_peer("p1");
    world.start_peer("p2");
    const std::string leaver =
        Identity::load(world.folder() / "p2" / "peer.key").value().id().hex();
    const CoordinatorStatus left = world.await([&](const CoordinatorStatus& s) {
        return s.round.value >= 2 &&
               std::any_of(s.peers.begin(), s.peers.end(), [&](const PeerStatus& peer) {
                   return peer.id.hex() == leaver && peer.doing.find("step") == 0;
               });
    });
    world.end_peer("p2", SIGINT);
    CHECK(world.await_end("p2", 2000) == 0);
    world.await_finish();
    world.check_honest({"p1"});
    REQUIRE(world.rounds().size() == 4);
    for (const RoundStatus& round : world.rounds()) {
        const bool counted =
            std::any_of(round.peers.begin(), round.peers.end(), [&](const PeerStatus& peer) {
                return peer.id.hex() == leaver && peer.verdict == "counted";
            });
        CHECK_FALSE((counted && round.round >= left.round));
    }
}

TEST_CASE("Ctrl-C ends a coordinator and a peer within two seconds, and both go on", "[process]") {
    ProcessWorld world(kManyRounds, 1);
    world.start_coordinator();
    world.start_peer("p1");
    world.await([](const CoordinatorStatus& s) { return s.round.value >= 1; });
    world.end_peer("p1", SIGINT);
    world.coordinator().signal(SIGINT);
    CHECK(world.await_end("p1", 2000) == 0);
    CHECK(world.coordinator().wait(2000) == 0);
    const RoundId next = world.next_round();
    world.start_coordinator();
    world.start_peer("p1");
    world.await_finish();
    world.check_honest({"p1"});
    CHECK(world.times_counted("p1", next) > 0);
}

}  // namespace
}  // namespace assay
