// A run that lets everybody in for a price, and a stranger that comes with more new keys than a run
// has members and pays for none of them.

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <zmq.hpp>

#include "core/files.h"
#include "ledger/pay.h"
#include "net/zmq_parts.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "tests/process/world.h"

namespace assay {
namespace {

constexpr int kEntryRounds = 2000;
constexpr int kFlood = 1100;
constexpr int kAtOnce = 25;

std::vector<Setting> paid_entry() {
    return {{"rounds", "admit", "\"any\""},
            {"rounds", "newcomers_per_minute", "100000"},
            {"rounds", "entry_work_bits", "14"}};
}

// New keys of one stranger, by the batch: each says Hello to the run, hears what it is told, and
// goes. Counted by keys, never by time.
class NewKeys {
public:
    NewKeys(CoordinatorStatus status, const Digest& manifest)
        : status_(std::move(status)), manifest_(manifest) {}

    void come(int keys) {
        for (int left = keys; left > 0; left -= kAtOnce) {
            come_at_once(std::min(left, kAtOnce));
        }
    }
    // That were told that they have not paid.
    [[nodiscard]] int refused() const { return refused_; }

private:
    std::unique_ptr<zmq::socket_t> greet() {
        const Identity key = Identity::generate();
        auto socket = std::make_unique<zmq::socket_t>(context_, zmq::socket_type::dealer);
        set_common_options(*socket, key);
        set_option(*socket, ZMQ_LINGER, 0);
        set_option(*socket,
                   ZMQ_CURVE_SERVERKEY,
                   curve_key_of(peer_id_from_hex(status_.key).value()).value());
        socket->connect(status_.endpoint);
        Hello hello;
        hello.protocol_version = limits::kProtocolVersion;
        hello.manifest_digest = manifest_;
        hello.numeric_class = NumericClass::kExact;
        hello.tokens_per_second = 1;
        hello.entry_nonce = 1;  // of a great many keys one may be enough by chance
        REQUIRE(send_frame(*socket, seal(key, hello), false) == 0);
        return socket;
    }

    void come_at_once(int keys) {
        std::vector<std::unique_ptr<zmq::socket_t>> there;
        for (int i = 0; i < keys; ++i) {
            there.push_back(greet());
        }
        for (const auto& socket : there) {
            const Result<Message> told = answer(*socket);
            REQUIRE(told.ok());
            const Refusal* refusal = std::get_if<Refusal>(&*told);
            refused_ += refusal != nullptr && refusal->code == RefusalCode::kEntryWork ? 1 : 0;
        }
    }

    // The first message that says something.
    static Result<Message> answer(zmq::socket_t& socket) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(120);
        while (std::chrono::steady_clock::now() < deadline) {
            wait_readable({&socket}, 100);
            const std::vector<zmq::message_t> frames = receive_frames(socket);
            if (frames.empty()) {
                continue;
            }
            const auto* data = static_cast<const uint8_t*>(frames[0].data());
            const Envelope envelope = *unseal(ByteSpan(data, frames[0].size())).value();
            Result<Message> message = decode_message(envelope.kind, envelope.body);
            if (!message || !std::holds_alternative<Heartbeat>(*message)) {
                return message;
            }
        }
        return fail("the coordinator does not answer");
    }

    CoordinatorStatus status_;
    Digest manifest_;
    zmq::context_t context_;
    int refused_ = 0;
};

void await_two_more(ProcessWorld& world, const std::string& name) {
    const RoundId next = world.next_round();
    world.await([&](const CoordinatorStatus&) { return world.times_counted(name, next) >= 2; });
}

size_t times_in(const std::string& text, const std::string& words) {
    size_t times = 0;
    for (size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
        ++times;
    }
    return times;
}

// These three are all there is, every pool is theirs, and the ledger says so to anybody.
void check_theirs_alone(ProcessWorld& world) {
    const CoordinatorStatus status = world.stop_coordinator();
    CHECK(status.peers.size() == 3);
    int64_t earned = 0;
    for (const PeerStatus& peer : status.peers) {
        CHECK(peer.forfeited == 0);
        earned += peer.vested + peer.unvested + peer.deposit;
    }
    int64_t pools = 0;
    for (const RoundStatus& round : world.rounds()) {
        pools += round.voided ? 0 : PaySettings{}.pool_per_round;
    }
    CHECK(earned == pools);
    const auto [code, text] = world.verify_ledger("p1");
    INFO(text);
    CHECK(code == 0);
}

Digest run_of(const ProcessWorld& world, const std::string& name) {
    const Result<Bytes> bytes =
        read_file(world.folder() / name / "manifest.bin", limits::kMessageBytesMax);
    REQUIRE(bytes.ok());
    return manifest_digest(decode_manifest(*bytes).value());
}

TEST_CASE("a thousand keys that pay nothing change nothing for those who work", "[process]") {
    ProcessWorld world(kEntryRounds, 2, paid_entry());
    world.set_admission_file("");
    world.start_coordinator();
    const CoordinatorStatus status = world.await([](const CoordinatorStatus&) { return true; });
    world.start_peer("p1");
    world.start_peer("p2");
    await_two_more(world, "p1");
    NewKeys strangers(status, run_of(world, "p1"));
    strangers.come(kFlood / 4);
    world.start_peer("p3");  // an honest newcomer, in the midst of it
    strangers.come(kFlood / 4);
    await_two_more(world, "p3");
    CHECK(times_in(world.log_of("p3"), "entry work: done") == 1);

    world.coordinator().signal(SIGKILL);
    world.coordinator().wait(10000);
    world.start_coordinator();
    strangers.come(kFlood / 2);
    for (const char* name : {"p1", "p2", "p3"}) {
        await_two_more(world, name);
    }
    // Its connection is closed behind each refusal, and the close may overtake it.
    CHECK(strangers.refused() > kFlood * 9 / 10);
    check_theirs_alone(world);
}

// It is no member yet when it dies: only its folder knows what it has paid.
TEST_CASE("a peer that has paid for its entry does not pay again", "[process]") {
    ProcessWorld world(kEntryRounds, 2, paid_entry());
    world.set_admission_file("");
    world.start_coordinator();
    world.start_peer("p1");
    const auto paid = [&world] { return times_in(world.log_of("p1"), "entry work: done"); };
    const auto connected = [](const CoordinatorStatus& status) {
        return std::any_of(status.peers.begin(), status.peers.end(), [](const PeerStatus& peer) {
            return peer.connected;
        });
    };
    world.await([&](const CoordinatorStatus& status) { return paid() == 1 && connected(status); });
    world.end_peer("p1", SIGKILL);
    (void)world.await_end("p1", 10000);
    world.start_peer("p1");
    world.start_peer("p2");
    await_two_more(world, "p1");
    CHECK(paid() == 1);
    CHECK(times_in(world.log_of("p1"), "refused") == 0);
}

}  // namespace
}  // namespace assay
