// What many keys at once do to a run that lets everybody in: those who come and go, who take a
// place and never work, who ask and never read.

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <zmq.hpp>

#include "net/zmq_channel.h"
#include "net/zmq_parts.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "tests/process/world.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr int kStrangersRounds = 2000;

std::vector<Setting> open_to_all() {
    return {{"rounds", "admit", "\"any\""}, {"rounds", "newcomers_per_minute", "100000"}};
}

Hello hello_to(const Digest& manifest) {
    Hello hello;
    hello.protocol_version = limits::kProtocolVersion;
    hello.manifest_digest = manifest;
    hello.numeric_class = NumericClass::kExact;
    hello.threads = 1;
    hello.tokens_per_second = 1;
    return hello;
}

// A key that nobody has heard of, over the product's own channel.
class Stranger {
public:
    explicit Stranger(const CoordinatorStatus& status)
        : channel_(std::move(
              ZmqClient::open(identity_, status.endpoint, peer_id_from_hex(status.key).value())
                  .value())) {}

    // Says Hello once there is a connection; the digest of another run asks for the run's own.
    void say_hello(const Digest& manifest) {
        await([this] { return channel_->connected(); });
        say(hello_to(manifest));
        await([this] { return welcome_ || refusal_; });
        INFO((refusal_ ? refusal_->reason : ""));
        REQUIRE(welcome_.has_value());
    }
    void say(const Message& message) { REQUIRE(channel_->send(seal(identity_, message)).ok()); }
    // Listens, and keeps the connection alive.
    void poll(int64_t ms = 0) {
        for (const ClientEvent& event : channel_->poll(DurationMs{ms})) {
            const auto* incoming = std::get_if<Incoming>(&event);
            if (incoming == nullptr) {
                continue;
            }
            if (const auto* welcome = std::get_if<Welcome>(&incoming->message)) {
                welcome_ = *welcome;
            }
            if (const auto* refusal = std::get_if<Refusal>(&incoming->message)) {
                refusal_ = *refusal;
            }
        }
    }
    [[nodiscard]] const RunManifest& manifest() const { return welcome_->manifest; }
    [[nodiscard]] const Identity& identity() const { return identity_; }

private:
    void await(const std::function<bool()>& holds) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (!holds()) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            poll(10);
        }
    }

    Identity identity_ = Identity::generate();
    std::unique_ptr<ZmqClient> channel_;
    std::optional<Welcome> welcome_;
    std::optional<Refusal> refusal_;
};

RunManifest manifest_of(const CoordinatorStatus& status) {
    Stranger stranger(status);
    stranger.say_hello(Digest{});
    return stranger.manifest();
}

// Until the peer was counted in two more rounds; `meanwhile` is done as often as something happens.
void await_counted(
    ProcessWorld& world, const std::string& name, const std::function<void()>& meanwhile = [] {}) {
    const RoundId next = world.next_round();
    world.await([&](const CoordinatorStatus&) {
        meanwhile();
        return world.times_counted(name, next) >= 2;
    });
}

// Nobody but these two is a member, and neither has lost anything by the others.
void check_nothing_lost(ProcessWorld& world, const std::vector<std::string>& names) {
    const CoordinatorStatus status = world.stop_coordinator();
    CHECK(status.peers.size() == names.size());
    for (const PeerStatus& peer : status.peers) {
        CHECK(peer.forfeited == 0);
        CHECK(peer.vested + peer.unvested > 0);
    }
    const auto [code, text] = world.verify_ledger(names.front());
    INFO(text);
    CHECK(code == 0);
}

// Each round would else last until its longest deadline, of an hour.
TEST_CASE("keys that take a place and never work hold up no round", "[process]") {
    ProcessWorld world(kStrangersRounds, 2, open_to_all());
    world.set_admission_file("");
    world.start_coordinator();
    const CoordinatorStatus status = world.await([](const CoordinatorStatus&) { return true; });
    world.start_peer("p1");
    world.start_peer("p2");
    const Digest manifest = manifest_digest(manifest_of(status));
    await_counted(world, "p1");
    std::vector<std::unique_ptr<Stranger>> idle;
    for (int i = 0; i < 3; ++i) {
        idle.push_back(std::make_unique<Stranger>(status));
        idle.back()->say_hello(manifest);
    }
    const auto listen = [&idle] {
        for (const auto& one : idle) {
            one->poll();
        }
    };
    for (int i = 0; i < 4; ++i) {
        await_counted(world, "p1", listen);
        await_counted(world, "p2", listen);
    }
    check_nothing_lost(world, {"p1", "p2"});
}

// An end that is welcomed, asks, and takes nothing more off its socket.
class Hog {
public:
    Hog(const CoordinatorStatus& status, const Digest& manifest)
        : socket_(context_, zmq::socket_type::dealer) {
        set_common_options(socket_, identity_);
        set_option(socket_, ZMQ_RCVHWM, 1);
        set_option(socket_, ZMQ_SNDHWM, 1000);
        set_option(socket_, ZMQ_LINGER, 0);
        set_option(socket_,
                   ZMQ_CURVE_SERVERKEY,
                   curve_key_of(peer_id_from_hex(status.key).value()).value());
        socket_.connect(status.endpoint);
        say(hello_to(manifest));
        await_welcome();
    }
    void say(const Message& message) {
        REQUIRE(send_frame(socket_, seal(identity_, message), false) == 0);
    }

private:
    // Whoever is no guest is given nothing.
    void await_welcome() {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        for (bool welcomed = false; !welcomed;) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            wait_readable({&socket_}, 10);
            const std::vector<zmq::message_t> frames = receive_frames(socket_);
            if (frames.empty()) {
                continue;
            }
            const auto* data = static_cast<const uint8_t*>(frames[0].data());
            const Envelope envelope = *unseal(ByteSpan(data, frames[0].size())).value();
            welcomed = decode_body<Welcome>(envelope.body).ok();
        }
    }

    Identity identity_ = Identity::generate();
    zmq::context_t context_;
    zmq::socket_t socket_;
};

// What the coordinator of this world has in memory, in bytes.
uint64_t memory_of_coordinator(const ProcessWorld& world) {
    const std::string folder = world.coordinator_folder().string();
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
        std::string words;
        std::getline(std::ifstream(entry.path() / "cmdline"), words, '\n');
        std::replace(words.begin(), words.end(), '\0', ' ');
        if (words.find(" coordinator ") != std::string::npos &&
            words.find(folder + " ") != std::string::npos) {
            uint64_t all = 0;
            uint64_t resident = 0;
            std::ifstream(entry.path() / "statm") >> all >> resident;
            return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
        }
    }
    FAIL("the coordinator is not among the processes");
    return 0;
}

TEST_CASE("who asks for a gigabyte and reads nothing takes neither memory nor rounds",
          "[process]") {
    constexpr int kHogs = 20;
    constexpr uint64_t kPieces = 400;
    constexpr uint64_t kMemoryMost = 300U << 20;
    ProcessWorld world(kStrangersRounds, 1, open_to_all());
    world.set_admission_file("");
    world.start_coordinator();
    const CoordinatorStatus status = world.await([](const CoordinatorStatus&) { return true; });
    world.start_peer("p1");
    await_counted(world, "p1");
    const RunManifest manifest = manifest_of(status);
    const BlobRef shard = manifest.shards.at(0);
    REQUIRE(shard.size_bytes > kPieces);
    BlobRequest request;
    request.sha256 = shard.sha256;
    request.length =
        static_cast<uint32_t>(std::min<uint64_t>(limits::kPieceBytes, shard.size_bytes - kPieces));
    REQUIRE(kHogs * kPieces * request.length > 3 * kMemoryMost);
    const uint64_t before = memory_of_coordinator(world);
    std::vector<std::unique_ptr<Hog>> hogs;
    for (int i = 0; i < kHogs; ++i) {
        hogs.push_back(std::make_unique<Hog>(status, manifest_digest(manifest)));
        for (request.offset = 0; request.offset < kPieces; ++request.offset) {
            hogs.back()->say(request);
        }
    }
    uint64_t most = 0;
    await_counted(world, "p1", [&] { most = std::max(most, memory_of_coordinator(world)); });
    await_counted(world, "p1", [&] { most = std::max(most, memory_of_coordinator(world)); });
    CHECK(most < before + kMemoryMost);
    hogs.clear();
    check_nothing_lost(world, {"p1"});
}

}  // namespace
}  // namespace assay
