// A peer's program before it has joined a run: where it looks for its coordinator.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "net/zmq_channel.h"
#include "peer/peer.h"
#include "tests/support/scratch_folder.h"

namespace assay {
namespace {

// A port of this machine that nobody listens on, as long as it lives.
class DeafPort {
public:
    DeafPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        endpoint = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    ~DeafPort() { ::close(fd_); }
    DeafPort(const DeafPort&) = delete;
    DeafPort& operator=(const DeafPort&) = delete;

    std::string endpoint;

private:
    int fd_;
};

// Whether a peer says Hello here.
bool hears_hello(ZmqServer& server) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < until) {
        for (const ServerEvent& event : server.poll(DurationMs{100})) {
            const auto* incoming = std::get_if<Incoming>(&event);
            if (incoming != nullptr && std::holds_alternative<Hello>(incoming->message)) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace

TEST_CASE("a peer finds a coordinator that has moved to another of its addresses", "[peer]") {
    const ScratchFolder folder;
    const DeafPort deaf;
    const Identity coordinator = Identity::generate();
    auto first = ZmqServer::open(coordinator, "tcp://127.0.0.1:0", "any").value();
    auto second = ZmqServer::open(coordinator, "tcp://127.0.0.1:0", "any").value();
    PeerOptions options;
    options.endpoints = {deaf.endpoint, first->endpoint(), second->endpoint()};
    options.coordinator = coordinator.id();
    options.folder = folder.path() / "peer";
    std::atomic<bool> stop{false};
    PeerHooks hooks;
    hooks.stop_requested = [&stop] { return stop.load(); };
    hooks.stop_insisted = hooks.stop_requested;
    hooks.make_model = [](const RunConfig&, NumericClass, int) {
        return Result<std::unique_ptr<GradientModel>>(fail("no run was offered"));
    };
    hooks.make_trainer = [](TrainerSettings settings, TrainerPorts ports, GradientModel& model) {
        return std::make_unique<Trainer>(std::move(settings), std::move(ports), model);
    };
    hooks.on_change = [](const PeerReport&) {};
    Peer peer(options, Identity::generate(), hooks);
    Ended ended;
    std::thread thread([&] { ended = peer.run(); });
    CHECK(hears_hello(*first));
    first.reset();
    CHECK(hears_hello(*second));
    stop.store(true);
    thread.join();
    CHECK(ended.how == Ending::kWell);
}

}  // namespace assay
