// Real sockets on 127.0.0.1: talking, who may connect, and strangers' bytes.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <zmq.hpp>

#include "net/admission_list.h"
#include "net/endpoint.h"
#include "net/reminder.h"
#include "net/zmq_parts.h"
#include "protocol/limits.h"
#include "tests/net/net_helpers.h"

namespace assay {

namespace {

// The raw ZeroMQ end of an admitted stranger that sends what it likes.
class RawDealer {
public:
    // With ZeroMQ's own heartbeats every so often, if beat_ms > 0.
    RawDealer(const Identity& identity, const ServerNode& server, int beat_ms = 0)
        : socket_(context_, zmq::socket_type::dealer), monitor_(context_, socket_, "raw") {
        set_common_options(socket_, identity);
        set_option(socket_, ZMQ_HEARTBEAT_IVL, beat_ms);
        set_option(socket_, ZMQ_HEARTBEAT_TIMEOUT, 60000);
        set_option(socket_, ZMQ_CURVE_SERVERKEY, server.identity.curve_public());
        socket_.connect(server.channel->endpoint());
    }
    void send(ByteSpan bytes, bool more = false) { REQUIRE(send_frame(socket_, bytes, more) == 0); }
    // Without a copy: the bytes outlive the socket.
    void send_shared(const Bytes& bytes, bool more) {
        zmq_msg_t part;
        auto* data = const_cast<uint8_t*>(bytes.data());
        REQUIRE(zmq_msg_init_data(
                    &part, data, bytes.size(), [](void*, void*) {}, nullptr) == 0);
        REQUIRE(zmq_msg_send(&part, socket_.handle(), more ? ZMQ_SNDMORE : 0) >= 0);
    }
    // The connection ends with a reset, as that of a machine does which knows nothing of it.
    void reset_at_the_end(const ServerNode& server) {
        ClientNode other(identity_of("other"), server);  // time for all that was sent to go out
        ServerNode unused;
        REQUIRE(until(unused, {&other}, [&] { return other.channel->connected(); }));
        MonitorEvent event;
        int fd = -1;
        while (monitor_.next(event)) {
            fd = event.event == ZMQ_EVENT_CONNECTED ? event.value : fd;
        }
        REQUIRE(fd >= 0);
        const linger now{1, 0};
        REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    }
    // The refusal that the coordinator sent, if one came yet.
    std::optional<Refusal> refusal() {
        const std::vector<zmq::message_t> frames = receive_frames(socket_);
        if (frames.empty()) {
            return {};
        }
        const auto* data = static_cast<const uint8_t*>(frames[0].data());
        const Envelope envelope = *unseal(ByteSpan(data, frames[0].size())).value();
        return decode_body<Refusal>(envelope.body).value();
    }

private:
    zmq::context_t context_;
    zmq::socket_t socket_;
    SocketMonitor monitor_;
};

// A plain TCP connection.
class RawTcp {
public:
    explicit RawTcp(const ServerNode& server) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        const std::string endpoint = server.channel->endpoint();
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port =
            htons(static_cast<uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    }
    ~RawTcp() { ::close(fd_); }
    RawTcp(const RawTcp&) = delete;
    RawTcp& operator=(const RawTcp&) = delete;
    void send(const Bytes& bytes) {
        REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    bool closed_by_server() {
        uint8_t byte = 0;
        ssize_t n = 1;
        while (n > 0) {
            n = ::recv(fd_, &byte, 1, MSG_DONTWAIT);
        }
        return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    }

private:
    int fd_;
};

// Sends one thing over a fresh connection and expects a refusal and the end of the connection,
// while an honest peer goes on.
void refuses_message(const Bytes& wire,
                     RefusalCode code,
                     const char* words,
                     uint64_t ChannelCounters::*counter) {
    ServerNode server;
    ClientNode honest(identity_of("honest"), server);
    meet(server, honest);
    RawDealer stranger(identity_of("stranger"), server);
    stranger.send(wire);
    std::optional<Refusal> answer;
    REQUIRE(until(server, {&honest}, [&] {
        answer = answer ? answer : stranger.refusal();
        return answer.has_value();
    }));
    CHECK(answer->code == code);
    CHECK_THAT(answer->reason, Catch::Contains(words));
    REQUIRE(server.refused.size() == 1);
    CHECK(server.refused[0].code == code);
    CHECK(server.refused[0].who == to_hex(identity_of("stranger").curve_public()));
    CHECK(server.channel->counters().*counter == 1);
    CHECK(server.channel->counters().refused() == 1);
    REQUIRE(honest.say(Heartbeat{9}).ok());
    const size_t before = server.messages.size();
    CHECK(until(server, {&honest}, [&] { return server.messages.size() > before; }));
}

}  // namespace

TEST_CASE("messages go both ways, with their senders") {
    ServerNode server;
    ClientNode alice(identity_of("alice"), server);
    ClientNode bob(identity_of("bob"), server);
    meet(server, alice);
    meet(server, bob);
    CHECK(server.joined == std::vector<PeerId>{alice.identity.id(), bob.identity.id()});
    REQUIRE(server.messages.size() == 2);
    CHECK(server.messages[0].from == alice.identity.id());
    CHECK(server.messages[0].envelope.wire() == seal(alice.identity, hello_of(1)));
    CHECK(std::get<Hello>(server.messages[1].message).threads == 1);
    CHECK(server.channel->connected(bob.identity.id()));
    REQUIRE(server.channel->send(bob.identity.id(), seal(server.identity, Heartbeat{5})).ok());
    REQUIRE(until(server, {&alice, &bob}, [&] { return bob.messages.size() == 1; }));
    CHECK(std::get<Heartbeat>(bob.messages[0].message).sequence == 5);
    CHECK(bob.messages[0].from == server.identity.id());
    CHECK(alice.messages.empty());
    const Status unknown = server.channel->send(identity_of("carol").id(), {});
    REQUIRE_FALSE(unknown.ok());
    CHECK_THAT(unknown.reason(), Catch::Contains("not connected"));
}

TEST_CASE("a piece of a blob of full size goes through, many at once") {
    ServerNode server;
    ClientNode client(identity_of("alice"), server);
    meet(server, client);
    const Digest name = sha256_plain(as_bytes("blob"));
    for (uint64_t i = 0; i < 40; ++i) {
        const BlobPiece piece{name, i * limits::kPieceBytes, false, Bytes(limits::kPieceBytes, 7)};
        REQUIRE(server.channel->send(client.identity.id(), seal(server.identity, piece)).ok());
    }
    REQUIRE(until(server, {&client}, [&] { return client.messages.size() == 40; }));
    for (uint64_t i = 0; i < 40; ++i) {
        CHECK(std::get<BlobPiece>(client.messages[i].message).offset == i * limits::kPieceBytes);
    }
}

TEST_CASE("a peer that goes away has left") {
    ServerNode server;
    {
        ClientNode client(identity_of("alice"), server);
        meet(server, client);
    }
    REQUIRE(until(server, {}, [&] { return server.left.size() == 1; }));
    CHECK(server.left[0] == identity_of("alice").id());
    CHECK_FALSE(server.channel->connected(server.left[0]));
    CHECK_FALSE(server.channel->send(server.left[0], seal(server.identity, Heartbeat{})).ok());
}

TEST_CASE(
    "a second machine with a peer's key is refused while the first is there; both hear of it") {
    ServerNode server;
    ClientNode first(identity_of("alice"), server);
    meet(server, first);
    ClientNode second(identity_of("alice"), server);
    REQUIRE(until(server, {&first, &second}, [&] { return second.channel->connected(); }));
    REQUIRE(second.say(hello_of(1)).ok());
    REQUIRE(until(server, {&first, &second}, [&] { return second.disconnections == 1; }));
    REQUIRE(second.messages.size() == 1);
    const auto& refusal = std::get<Refusal>(second.messages[0].message);
    CHECK(refusal.code == RefusalCode::kKeyInUse);
    CHECK_THAT(refusal.reason, Catch::Contains("in use on another machine, at 127.0.0.1"));
    REQUIRE(server.refused.size() == 1);
    CHECK_THAT(server.refused[0].reason, Catch::Contains(first.identity.id().brief()));
    CHECK(server.channel->counters().key_in_use == 1);
    // The first goes on, and knows.
    CHECK(server.left.empty());
    CHECK(first.disconnections == 0);
    CHECK(server.joined.size() == 1);
    REQUIRE(until(server, {&first, &second}, [&] { return first.messages.size() == 1; }));
    CHECK_THAT(std::get<Refusal>(first.messages[0].message).reason,
               Catch::Contains("another machine, at 127.0.0.1"));
    meet(server, first);
}

TEST_CASE("a peer whose older connection has fallen silent takes its place") {
    const ConnectionTimes times{{1000}};
    ServerLimits limits;
    limits.times = times;
    ServerNode server("any", "tcp://127.0.0.1:0", limits);
    ClientNode first(identity_of("alice"), server, "", times);
    meet(server, first);
    // The first says nothing any more.
    ClientNode second(identity_of("alice"), server, "", times);
    int said = 0;
    REQUIRE(until(server, {&second}, [&] {
        if (second.channel->connected() && said < second.connections) {
            said = second.connections;
            (void)second.say(hello_of(2));
        }
        return std::any_of(server.messages.begin(), server.messages.end(), [](const auto& one) {
            const auto* hello = std::get_if<Hello>(&one.message);
            return hello != nullptr && hello->threads == 2;
        });
    }));
    CHECK(server.channel->connected(second.identity.id()));
}

TEST_CASE("an end that says nothing is given up, and found again once it does") {
    const ConnectionTimes times{{500}};
    ServerLimits limits;
    limits.times = times;
    ServerNode server("any", "tcp://127.0.0.1:0", limits);
    ClientNode client(identity_of("alice"), server, "", times);
    meet(server, client);
    ServerNode unused;
    // The coordinator stands still: the peer loses it, and dials.
    REQUIRE(until(unused, {&client}, [&] { return client.disconnections == 1; }));
    REQUIRE(until(server, {&client}, [&] { return client.connections == 2; }));
    meet(server, client);
    // The peer stands still: the coordinator loses it. It comes back.
    const size_t left = server.left.size();
    REQUIRE(until(server, {}, [&] { return server.left.size() == left + 1; }));
    REQUIRE(until(server, {&client}, [&] { return client.connections >= 3; }));
    meet(server, client);
}

TEST_CASE("ends that have nothing to say keep their connection") {
    const ConnectionTimes times{{300}};
    ServerLimits limits;
    limits.times = times;
    ServerNode server("any", "tcp://127.0.0.1:0", limits);
    ClientNode client(identity_of("alice"), server, "", times);
    meet(server, client);
    const auto beats = [](const std::vector<Incoming>& messages) {
        return std::count_if(messages.begin(), messages.end(), [](const Incoming& one) {
            return std::holds_alternative<Heartbeat>(one.message);
        });
    };
    REQUIRE(until(server, {&client}, [&] {
        return beats(server.messages) >= 12 && beats(client.messages) >= 12;
    }));
    CHECK(client.disconnections == 0);
    CHECK(server.left.empty());
}

TEST_CASE("ends that take a silence of another length for dead keep their connection") {
    const ConnectionTimes brief{{500}};
    const ConnectionTimes patient{{600000}};
    const bool server_is_brief = GENERATE(true, false);
    CAPTURE(server_is_brief);
    ServerLimits limits;
    limits.times = server_is_brief ? brief : patient;
    ServerNode server("any", "tcp://127.0.0.1:0", limits);
    ClientNode client(identity_of("alice"), server, "", server_is_brief ? patient : brief);
    meet(server, client);
    const auto answers = [](const std::vector<Incoming>& messages) {
        return std::count_if(messages.begin(), messages.end(), [](const Incoming& one) {
            const auto* beat = std::get_if<Heartbeat>(&one.message);
            return beat != nullptr && beat->sequence == kBeat;
        });
    };
    const std::vector<Incoming>& heard = server_is_brief ? server.messages : client.messages;
    REQUIRE(until(server, {&client}, [&] { return answers(heard) >= 12; }));
    CHECK(client.disconnections == 0);
    CHECK(server.left.empty());
}

// What a suspended coordinator finds when it wakes: a full queue, heartbeats, and the end.
TEST_CASE("a connection that ends while what it sent waits to be read ends nothing else") {
    ServerNode server;
    ClientNode honest(identity_of("honest"), server);
    meet(server, honest);
    {
        RawDealer hasty(identity_of("hasty"), server, 1);
        for (int i = 0; i < 200; ++i) {
            hasty.send(seal(identity_of("hasty"), Heartbeat{1}));
        }
        hasty.reset_at_the_end(server);
    }
    // ZeroMQ's thread has come by: it has shaken hands with another.
    ServerNode unused;
    ClientNode later(identity_of("later"), server);
    REQUIRE(until(unused, {&later}, [&] { return later.channel->connected(); }));
    meet(server, honest);
    meet(server, later);
}

TEST_CASE(
    "connections beyond what may stand at the door are turned away, and peers still come in") {
    ServerLimits limits;
    limits.strangers_per_site = 8;
    ServerNode server("any", "tcp://127.0.0.1:0", limits);
    ClientNode early(identity_of("early"), server);
    meet(server, early);
    std::vector<std::unique_ptr<RawTcp>> crowd;
    crowd.reserve(40);
    for (int i = 0; i < 40; ++i) {
        crowd.push_back(std::make_unique<RawTcp>(server));
    }
    const auto held = [&] {
        return std::count_if(
            crowd.begin(), crowd.end(), [](const auto& one) { return !one->closed_by_server(); });
    };
    REQUIRE(until(server, {&early}, [&] { return held() <= 8; }));
    CHECK(server.channel->counters().turned_away >= 32);
    meet(server, early);
    crowd.resize(20);  // some of those held go: a place is free
    ClientNode late(identity_of("late"), server);
    crowd.clear();
    meet(server, late);
}

TEST_CASE("a connection over which nothing valid comes is closed in the end") {
    ServerLimits limits;
    limits.times.silence = DurationMs{400};
    ServerNode server("any", "tcp://127.0.0.1:0", limits);
    RawTcp silent(server);
    REQUIRE(until(server, {}, [&] { return silent.closed_by_server(); }));
}

TEST_CASE("a message without an end is cut off, whether anything valid came before or not") {
    static const Bytes kPart(1U << 20, 7);
    for (const bool known : {true, false}) {
        CAPTURE(known);
        ServerNode server;
        ClientNode honest(identity_of("honest"), server);
        meet(server, honest);
        RawDealer stranger(identity_of("stranger"), server);
        if (known) {
            stranger.send(seal(identity_of("stranger"), Heartbeat{1}));
            REQUIRE(until(server, {&honest}, [&] { return server.joined.size() == 2; }));
        }
        for (int i = 0; i < 600; ++i) {
            stranger.send_shared(kPart, i < 599);
        }
        REQUIRE(until(server, {&honest}, [&] { return server.channel->counters().oversized > 0; }));
        CHECK(server.refused.size() == (known ? 1 : 0));
        const size_t before = server.messages.size();
        REQUIRE(honest.say(hello_of(3)).ok());
        REQUIRE(until(server, {&honest}, [&] { return server.messages.size() > before; }));
    }
}

TEST_CASE("both families: one address each, or all of a name's") {
    for (const char* listen : {"tcp://127.0.0.1:0", "127.0.0.1:0", "tcp://localhost:0", "*:0"}) {
        INFO(listen);
        ServerNode server("any", listen);
        const std::string port =
            server.channel->endpoint().substr(server.channel->endpoint().rfind(':'));
        for (const std::string host : {"tcp://127.0.0.1", "localhost"}) {
            INFO(host);
            ClientNode client(identity_of(host), server, host + port);
            meet(server, client);
        }
    }
    if (!ZmqServer::open(identity_of("x"), "tcp://[::1]:0", "any").ok()) {
        WARN("this machine has no IPv6");
        return;
    }
    ServerNode six("any", "tcp://[::1]:0");
    const std::string port = six.channel->endpoint().substr(six.channel->endpoint().rfind(':'));
    for (const std::string host : {"tcp://[::1]", "tcp://localhost", "ip6-localhost"}) {
        INFO(host);
        const auto known = Endpoint::parse(host + port, Endpoint::Use::kDial)->addresses();
        if (!known || std::none_of(known->begin(), known->end(), [](const Endpoint& one) {
                return one.is_ipv6();
            })) {
            continue;  // this machine does not know it so
        }
        ClientNode client(identity_of(host), six, host + port);
        meet(six, client);
    }
    ServerNode both("any", "tcp://[::]:0");
    const std::string there = both.channel->endpoint().substr(both.channel->endpoint().rfind(':'));
    ClientNode four(identity_of("four"), both, "127.0.0.1" + there);
    meet(both, four);
}

TEST_CASE("a client finds a coordinator that starts again") {
    auto server = std::make_unique<ServerNode>();
    const std::string endpoint = server->channel->endpoint();
    ClientNode client(identity_of("alice"), *server);
    meet(*server, client);
    server.reset();
    ServerNode again("any", endpoint);
    REQUIRE(until(again, {&client}, [&] { return client.connections == 2; }));
    CHECK(client.disconnections == 1);
    REQUIRE(client.say(hello_of(2)).ok());
    REQUIRE(until(again, {&client}, [&] { return again.messages.size() == 1; }));
}

TEST_CASE("nothing is queued while there is no connection") {
    ServerNode server;
    ClientNode client(identity_of("alice"), server, "tcp://127.0.0.1:1");
    const Status unsent = client.say(hello_of(1));
    REQUIRE_FALSE(unsent.ok());
    CHECK_THAT(unsent.reason(), Catch::Contains("not connected to tcp://127.0.0.1:1"));
    CHECK(client.channel->counters().unsent == 1);
}

TEST_CASE("a coordinator that nobody answers for is told at once, then not at each try") {
    ServerNode server;
    ClientNode client(identity_of("alice"), server, "tcp://127.0.0.1:1");
    REQUIRE(until(server, {&client}, [&] { return !client.unreachable.empty(); }));
    CHECK_THAT(client.unreachable[0],
               Catch::Contains("tcp://127.0.0.1:1") && Catch::Contains("firewall"));
    ClientNode lost(identity_of("bob"), server, "tcp://no-such-host.invalid:1");
    REQUIRE(until(server, {&client, &lost}, [&] { return !lost.unreachable.empty(); }));
    CHECK(client.unreachable.size() == 1);
}

TEST_CASE("a connection that ends is no coordinator that cannot be reached") {
    ServerNode server;
    ClientNode client(identity_of("alice"), server);
    meet(server, client);
    server.channel->close_peer(client.identity.id());
    REQUIRE(until(server, {&client}, [&] { return client.connections == 2; }));
    CHECK(client.unreachable.empty());
}

TEST_CASE("a trouble that lasts is told at once and then every interval, a new one at once") {
    Reminder reminder(DurationMs{30000});
    const Instant start{1000000};
    CHECK(reminder.due(start));
    CHECK_FALSE(reminder.due(start + DurationMs{29999}));
    CHECK(reminder.due(start + DurationMs{30000}));
    CHECK_FALSE(reminder.due(start + DurationMs{59999}));
    reminder.over();
    CHECK(reminder.due(start + DurationMs{59999}));
}

TEST_CASE("a peer that the coordinator closes is disconnected and may come again") {
    ServerNode server;
    ClientNode client(identity_of("alice"), server);
    meet(server, client);
    server.channel->close_peer(client.identity.id());
    REQUIRE(until(server, {&client}, [&] { return client.connections == 2; }));
    CHECK(client.disconnections == 1);
    CHECK(server.left == std::vector<PeerId>{client.identity.id()});
    meet(server, client);
    CHECK(server.joined.size() == 2);
}

TEST_CASE("an unknown key is refused, told which line to add, and admitted once it is there") {
    const ScratchFolder folder;
    const auto list = folder.path() / "admit";
    REQUIRE(write_file_atomically(list, as_bytes("# nobody yet\n")).ok());
    ServerNode server(list.string());
    ClientNode client(identity_of("alice"), server);
    REQUIRE(until(server, {&client}, [&] { return !client.key_refusals.empty(); }));
    CHECK_THAT(client.key_refusals[0],
               Catch::Contains(client.identity.id().hex()) && Catch::Contains("admission list"));
    CHECK_FALSE(client.channel->connected());
    REQUIRE(until(server, {&client}, [&] { return server.channel->counters().not_admitted > 0; }));
    CHECK(server.joined.empty());
    CHECK(server.messages.empty());
    const std::string line = client.identity.id().hex() + "  # alice\n";
    REQUIRE(write_file_atomically(list, as_bytes(line)).ok());
    meet(server, client);
    CHECK(server.joined == std::vector<PeerId>{client.identity.id()});
}

TEST_CASE("a list file that is gone admits nobody new") {
    const ScratchFolder folder;
    const auto list = folder.path() / "admit";
    CHECK_FALSE(ZmqServer::open(identity_of("x"), "tcp://127.0.0.1:0", list.string()).ok());
    const std::string line = identity_of("alice").id().hex() + "\nnonsense\n";
    REQUIRE(write_file_atomically(list, as_bytes(line)).ok());
    ServerNode server(list.string());
    ClientNode alice(identity_of("alice"), server);
    meet(server, alice);
    std::filesystem::remove(list);
    ClientNode again(identity_of("alice"), server);
    REQUIRE(until(server, {&alice, &again}, [&] { return !again.key_refusals.empty(); }));
}

TEST_CASE("a wrong coordinator key does not connect and says so") {
    ServerNode server;
    ServerNode other;
    other.identity = identity_of("somebody else");
    ClientNode client(identity_of("alice"), other, server.channel->endpoint());
    REQUIRE(until(server, {&client}, [&] { return !client.refused.empty(); }));
    CHECK_THAT(client.refused[0].reason, Catch::Contains(other.identity.id().hex()));
    CHECK_FALSE(client.channel->connected());
    CHECK(server.joined.empty());
}

TEST_CASE("an endpoint that cannot be used is said in words") {
    const auto nonsense = ZmqServer::open(identity_of("x"), "tcp://nowhere", "any");
    REQUIRE_FALSE(nonsense.ok());
    CHECK_THAT(nonsense.reason(), Catch::Contains("cannot listen on tcp://nowhere"));
    ServerNode server;
    CHECK_FALSE(ZmqServer::open(identity_of("x"), server.channel->endpoint(), "any").ok());
    const auto unfit = ZmqClient::open(identity_of("x"), "nonsense", server.identity.id());
    REQUIRE_FALSE(unfit.ok());
    CHECK_THAT(unfit.reason(), Catch::Contains("tcp://HOST:PORT"));
    PeerId no_key;
    no_key.key.fill(0xff);
    CHECK_FALSE(ZmqClient::open(identity_of("x"), server.channel->endpoint(), no_key).ok());
}

TEST_CASE("garbage is refused, counted, and its connection closed") {
    refuses_message(
        Bytes(300, 0xab), RefusalCode::kMalformed, "Envelope", &ChannelCounters::malformed);
}

TEST_CASE("an empty message is refused") {
    refuses_message({}, RefusalCode::kMalformed, "Envelope", &ChannelCounters::malformed);
}

TEST_CASE("a truncated message is refused") {
    Bytes wire = seal(identity_of("stranger"), hello_of(1));
    wire.resize(wire.size() - 3);
    refuses_message(wire, RefusalCode::kMalformed, "Envelope", &ChannelCounters::malformed);
}

TEST_CASE("a body outside its bounds is refused with the field's name") {
    refuses_message(seal(identity_of("stranger"), hello_of(0)),
                    RefusalCode::kMalformed,
                    "Hello.threads",
                    &ChannelCounters::malformed);
}

TEST_CASE("a wrongly signed message is refused") {
    Envelope envelope = make_envelope(identity_of("stranger"), hello_of(1));
    envelope.signature[3] ^= 1;
    refuses_message(encode_envelope(envelope),
                    RefusalCode::kBadSignature,
                    "signature",
                    &ChannelCounters::bad_signature);
}

TEST_CASE("another's message, even rightly signed, is refused") {
    refuses_message(seal(identity_of("honest"), hello_of(1)),
                    RefusalCode::kBadSignature,
                    "not the connection's key",
                    &ChannelCounters::wrong_signer);
}

TEST_CASE("a message just too large is refused with its size") {
    refuses_message(Bytes(limits::kMessageBytesMax + 1),
                    RefusalCode::kOutOfBounds,
                    "4194305 bytes",
                    &ChannelCounters::oversized);
}

TEST_CASE("a far too large message is cut off and harms nobody") {
    ServerNode server;
    ClientNode honest(identity_of("honest"), server);
    meet(server, honest);
    ClientNode greedy(identity_of("greedy"), server);
    meet(server, greedy);
    REQUIRE(greedy.channel->send(Bytes(32U << 20)).ok());
    REQUIRE(until(server, {&honest, &greedy}, [&] { return server.left.size() == 1; }));
    CHECK(server.left[0] == greedy.identity.id());
    meet(server, honest);
}

TEST_CASE("a message of several frames is refused") {
    ServerNode server;
    RawDealer stranger(identity_of("stranger"), server);
    for (int i = 0; i < 9; ++i) {
        stranger.send(seal(identity_of("stranger"), hello_of(1)), true);
    }
    stranger.send(Bytes(3), false);
    REQUIRE(until(server, {}, [&] { return server.refused.size() == 1; }));
    CHECK_THAT(server.refused[0].reason, Catch::Contains("more than one frame"));
    CHECK(server.messages.empty());
}

TEST_CASE("a refused connection is closed and nothing more of it is read") {
    ServerNode server;
    ClientNode client(identity_of("alice"), server);
    meet(server, client);
    REQUIRE(client.channel->send(Bytes(10, 0xff)).ok());
    REQUIRE(client.say(Heartbeat{1}).ok());
    REQUIRE(until(server, {&client}, [&] { return client.disconnections == 1; }));
    CHECK(server.left == std::vector<PeerId>{client.identity.id()});
    CHECK(server.messages.size() == 1);  // the Hello before
    REQUIRE(client.messages.size() == 1);
    CHECK(std::get<Refusal>(client.messages[0].message).code == RefusalCode::kMalformed);
}

TEST_CASE("a second signing key with the same connection key is refused") {
    // The same X25519 secret, seen through the other sign of the Edwards point: the signer is
    // another key. Such a signature cannot be made with libsodium's interface, so the claim itself
    // is tested.
    const auto list = AdmissionList::open("any").value();
    const Identity alice = identity_of("alice");
    PeerId mirrored = alice.id();
    mirrored.key[31] ^= 0x80;
    CHECK(list->claim(alice.curve_public(), alice.id()));
    CHECK(list->claim(alice.curve_public(), alice.id()));
    CHECK_FALSE(list->claim(alice.curve_public(), mirrored));
}

TEST_CASE("raw bytes on the port do no harm") {
    ServerNode server;
    ClientNode honest(identity_of("honest"), server);
    meet(server, honest);
    const std::string request =
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string(2000, 'x');
    RawTcp browser(server);
    browser.send(Bytes(request.begin(), request.end()));
    RawTcp noise(server);
    noise.send(Bytes(5000, 0xff));
    REQUIRE(until(
        server, {&honest}, [&] { return browser.closed_by_server() && noise.closed_by_server(); }));
    CHECK(until(
        server, {&honest}, [&] { return server.channel->counters().failed_handshakes >= 1; }));
    meet(server, honest);
    CHECK(server.joined.size() == 1);
}

TEST_CASE("a ZeroMQ client without CURVE is not admitted") {
    ServerNode server;
    zmq::context_t context;
    zmq::socket_t plain(context, zmq::socket_type::dealer);
    set_option(plain, ZMQ_LINGER, 0);
    plain.connect(server.channel->endpoint());
    REQUIRE(send_frame(plain, seal(identity_of("alice"), hello_of(1)), false) == 0);
    REQUIRE(until(server, {}, [&] { return server.channel->counters().failed_handshakes >= 1; }));
    CHECK(server.messages.empty());
}

}  // namespace assay
