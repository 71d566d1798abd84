// What pauses, doubled keys and strangers do to the sockets of real processes.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>

#include "core/files.h"
#include "net/zmq_channel.h"
#include "protocol/codec.h"
#include "tests/process/world.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr int kEnoughRounds = 2000;  // no test here waits for the end

// Short waits on both ends, on the product's path.
const std::vector<std::string> kImpatient = {"--silence", "1500"};

bool says(const ProcessWorld& world, const std::string& name, const std::string& words) {
    return world.log_of(name).find(words) != std::string::npos;
}

// Waits for words in a process's log; the coordinator may stand still meanwhile.
void await_words(ProcessWorld& world, const std::string& name, const std::string& words) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    FolderWatch watch(world.folder());
    while (!says(world, name, words)) {
        INFO(world.log_of(name));
        REQUIRE(std::chrono::steady_clock::now() < deadline);
        watch.await_change(1000);
    }
}

void await_counted(ProcessWorld& world, const std::string& name, RoundId from) {
    world.await([&](const CoordinatorStatus& s) {
        return s.finished || world.times_counted(name, from) >= 2;
    });
    CHECK(world.times_counted(name, from) >= 2);
}

TEST_CASE("a coordinator that stood still finds all its peers again", "[process]") {
    ProcessWorld world(kEnoughRounds, 2);
    world.start_coordinator(kImpatient);
    for (const char* name : {"p1", "p2", "p3"}) {
        world.start_peer(name, kImpatient);
    }
    world.await([](const CoordinatorStatus& s) { return s.round.value >= 2; });
    world.coordinator().signal(SIGSTOP);
    for (const char* name : {"p1", "p2", "p3"}) {
        await_words(world, name, "connection lost");
        await_words(world, name, "no CURVE handshake");  // it has tried again, for nothing
    }
    world.coordinator().signal(SIGCONT);
    const RoundId next = world.next_round();
    for (const char* name : {"p1", "p2", "p3"}) {
        await_counted(world, name, RoundId{next.value + 1});
    }
    world.coordinator().signal(SIGINT);
    CHECK(world.coordinator().wait(10000) == 0);
}

TEST_CASE("a peer that stood still comes back, however long it was", "[process]") {
    ProcessWorld world(kEnoughRounds, 2);
    world.start_coordinator(kImpatient);
    for (const char* name : {"p1", "p2", "p3"}) {
        world.start_peer(name, kImpatient);
    }
    world.await([](const CoordinatorStatus& s) { return s.round.value >= 2; });
    world.peer("p3").signal(SIGSTOP);
    const std::string p3 = Identity::load(world.folder() / "p3" / "peer.key").value().id().hex();
    world.await([&](const CoordinatorStatus& s) {
        return std::any_of(s.peers.begin(), s.peers.end(), [&](const PeerStatus& peer) {
            return peer.id.hex() == p3 && !peer.connected;
        });
    });
    const RoundId next = world.next_round();
    world.peer("p3").signal(SIGCONT);
    await_counted(world, "p3", next);
    world.coordinator().signal(SIGINT);
    CHECK(world.coordinator().wait(10000) == 0);
}

TEST_CASE("a second machine with a peer's key is refused, and the first loses nothing",
          "[process]") {
    ProcessWorld world(14, 2);
    world.start_coordinator();
    world.start_peer("p1");
    world.start_peer("p2");
    world.await([](const CoordinatorStatus& s) { return s.round.value >= 2; });
    fs::create_directories(world.folder() / "twin");
    fs::copy(world.folder() / "p2" / "peer.key", world.folder() / "twin" / "peer.key");
    world.start_peer("twin");
    await_words(world, "twin", "in use on another machine");
    await_words(world, "coordinator", "in use on another machine");
    await_words(world, "p2", "another machine");
    const RoundId next = world.next_round();
    world.await([&](const CoordinatorStatus& s) { return s.round.value >= next.value + 4; });
    world.end_peer("twin", SIGINT);
    CHECK(world.await_end("twin", 5000) == 0);
    const CoordinatorStatus last = world.await_finish();
    world.check_honest({"p1", "p2"});
    CHECK(world.times_counted("p2", next) >= 3);
    for (const PeerStatus& peer : last.peers) {
        CHECK(peer.forfeited == 0);
    }
    CHECK_FALSE(says(world, "p2", "connection lost"));
}

// Connections without a key, as many as there are descriptors, held for as long as it lives.
class Crowd {
public:
    Crowd(const CoordinatorStatus& status, int count) {
        address_.sin_family = AF_INET;
        address_.sin_port = htons(static_cast<uint16_t>(
            std::stoi(status.endpoint.substr(status.endpoint.rfind(':') + 1))));
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fds_.resize(static_cast<size_t>(count), -1);
        press();
    }
    ~Crowd() {
        for (const int fd : fds_) {
            ::close(fd);
        }
    }
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;

    // Comes again where it was turned away.
    void press() {
        for (int& fd : fds_) {
            uint8_t byte = 0;
            if (fd >= 0 && ::recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) {
                continue;
            }
            ::close(fd);
            fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            (void)::connect(fd, reinterpret_cast<sockaddr*>(&address_), sizeof(address_));
        }
    }

private:
    sockaddr_in address_{};
    std::vector<int> fds_;
};

TEST_CASE("a crowd without keys takes neither descriptors nor rounds from a run", "[process]") {
    ProcessWorld world(8, 1);
    world.start_coordinator_with_descriptors(160);
    const CoordinatorStatus status = world.await([](const CoordinatorStatus&) { return true; });
    Crowd crowd(status, 400);
    world.start_peer("p1");
    world.await([&](const CoordinatorStatus& s) {
        crowd.press();
        return s.finished;
    });
    world.await_finish();
    world.check_honest({"p1"});
}

TEST_CASE("a key that is no member writes no log and no line of its own making", "[process]") {
    ProcessWorld world(4, 1, {{"rounds", "admit", "\"any\""}});
    world.set_admission_file("");
    world.start_coordinator();
    const CoordinatorStatus status = world.await([](const CoordinatorStatus&) { return true; });
    const Identity stranger = Identity::generate();
    const auto client = std::move(
        ZmqClient::open(stranger, status.endpoint, peer_id_from_hex(status.key).value()).value());
    const Bytes wire =
        seal(stranger, Goodbye{std::string(4000, 'x') + "\n2026-12-01 info a forged line"});
    int sent = 0;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (sent < 5000 && std::chrono::steady_clock::now() < deadline) {
        sent += client->connected() && client->send(wire).ok() ? 1 : 0;
        (void)client->poll(DurationMs{0});
    }
    REQUIRE(sent == 5000);
    world.start_peer("p1");
    world.await_finish();
    world.check_honest({"p1"});
    CHECK_FALSE(says(world, "coordinator", "a forged line"));
    CHECK(fs::file_size(world.folder() / "coordinator.log") < 100000);
}

}  // namespace
}  // namespace assay
