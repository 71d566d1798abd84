// The in-process twin: the same events as over sockets, and the same faults from the same seed.
#include "net/loopback.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/net/net_helpers.h"

namespace assay {

namespace {

Digest seed_of(uint64_t number) {
    return derive_seed({}, "loopback test", {number});
}

// Everything that a server saw, in words.
std::string server_events(ServerChannel& server) {
    std::ostringstream out;
    for (const ServerEvent& event : server.poll({})) {
        if (const auto* message = std::get_if<Incoming>(&event)) {
            out << message->from << ":" << std::get<Heartbeat>(message->message).sequence << " ";
        } else if (const auto* joined = std::get_if<Joined>(&event)) {
            out << "+" << joined->peer << " ";
        } else if (const auto* left = std::get_if<Left>(&event)) {
            out << "-" << left->peer << " ";
        } else {
            out << "!" << static_cast<int>(std::get<Refused>(event).code) << " ";
        }
    }
    return out.str();
}

std::vector<uint64_t> heartbeats(ClientChannel& client) {
    std::vector<uint64_t> numbers;
    for (const ClientEvent& event : client.poll({})) {
        if (const auto* message = std::get_if<Incoming>(&event)) {
            numbers.push_back(std::get<Heartbeat>(message->message).sequence);
        }
    }
    return numbers;
}

// One run of two chatting peers over bad links; what the server saw, with times.
std::string history(uint64_t seed, const LinkFaults& faults) {
    FakeClock clock;
    const Identity coordinator = identity_of("coordinator");
    LoopbackNetwork network(clock, coordinator, seed_of(seed), faults);
    const Identity peers[] = {identity_of("alice"), identity_of("bob")};
    std::vector<std::unique_ptr<ClientChannel>> clients;
    for (const Identity& peer : peers) {
        clients.push_back(network.connect(peer.id()));
    }
    std::ostringstream out;
    for (uint64_t i = 0; i < 50; ++i) {
        for (size_t p = 0; p < 2; ++p) {
            REQUIRE(clients[p]->send(seal(peers[p], Heartbeat{i})).ok());
        }
        clock.advance(DurationMs{10});
        out << clock.now().ms << " " << server_events(network.server()) << "\n";
    }
    while (network.next_delivery()) {
        clock.set(*network.next_delivery());
        out << clock.now().ms << " " << server_events(network.server()) << "\n";
    }
    return out.str();
}

}  // namespace

TEST_CASE("without faults all arrives in order at once") {
    FakeClock clock;
    const Identity coordinator = identity_of("coordinator");
    const Identity alice = identity_of("alice");
    LoopbackNetwork network(clock, coordinator, seed_of(1), {});
    const auto client = network.connect(alice.id());
    CHECK(std::holds_alternative<Connected>(client->poll({}).at(0)));
    CHECK_FALSE(network.server().connected(alice.id()));
    CHECK_FALSE(network.server().send(alice.id(), {}).ok());
    REQUIRE(client->send(seal(alice, Heartbeat{1})).ok());
    REQUIRE(client->send(seal(alice, Heartbeat{2})).ok());
    const std::string name = alice.id().brief();
    CHECK(server_events(network.server()) == "+" + name + " " + name + ":1 " + name + ":2 ");
    REQUIRE(network.server().send(alice.id(), seal(coordinator, Heartbeat{3})).ok());
    CHECK(heartbeats(*client) == std::vector<uint64_t>{3});
    CHECK_FALSE(network.next_delivery());
}

TEST_CASE("a delay holds a message back until the clock says so") {
    FakeClock clock(Instant{1000});
    const Identity alice = identity_of("alice");
    LinkFaults faults;
    faults.delay_min = DurationMs{30};
    faults.delay_max = DurationMs{30};
    LoopbackNetwork network(clock, identity_of("coordinator"), seed_of(2), faults);
    const auto client = network.connect(alice.id());
    REQUIRE(client->send(seal(alice, Heartbeat{1})).ok());
    CHECK(network.next_delivery() == Instant{1030});
    clock.set(Instant{1029});
    CHECK(server_events(network.server()).empty());
    clock.set(Instant{1030});
    CHECK_FALSE(server_events(network.server()).empty());
}

TEST_CASE("the same seed gives the same faults, another one others") {
    LinkFaults faults;
    faults.loss = 0.2;
    faults.duplication = 0.1;
    faults.delay_max = DurationMs{100};
    faults.reorder = true;
    CHECK(history(1, faults) == history(1, faults));
    CHECK(history(1, faults) != history(2, faults));
}

TEST_CASE("loss, duplication and order are as often broken as asked for") {
    const auto count = [](const std::string& text, const std::string& word) {
        size_t found = 0;
        for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
            ++found;
        }
        return found;
    };
    LinkFaults lossy;
    lossy.loss = 0.5;
    const size_t kept = count(history(3, lossy), ":");
    CHECK(kept > 30);  // of 100; deviation 5
    CHECK(kept < 70);
    LinkFaults doubling;
    doubling.duplication = 1;
    CHECK(count(history(4, doubling), ":") == 200);
    LinkFaults slow;
    slow.delay_max = DurationMs{200};
    const std::string name = identity_of("alice").id().brief() + ":";
    const auto in_order = [&](const std::string& text) {
        std::vector<int> numbers;
        for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
            numbers.push_back(std::stoi(text.substr(at + name.size())));
        }
        CHECK(numbers.size() == 50);
        return std::is_sorted(numbers.begin(), numbers.end());
    };
    CHECK(in_order(history(5, slow)));
    slow.reorder = true;
    CHECK_FALSE(in_order(history(5, slow)));
}

TEST_CASE("a cut link loses what is under way and comes back") {
    FakeClock clock;
    const Identity alice = identity_of("alice");
    LoopbackNetwork network(clock, identity_of("coordinator"), seed_of(6), {});
    const auto client = network.connect(alice.id());
    const std::string name = alice.id().brief();
    REQUIRE(client->send(seal(alice, Heartbeat{1})).ok());
    CHECK(server_events(network.server()) == "+" + name + " " + name + ":1 ");
    REQUIRE(client->send(seal(alice, Heartbeat{2})).ok());
    (void)client->poll({});
    network.cut(alice.id());
    CHECK(server_events(network.server()) == "-" + name + " ");
    CHECK(std::holds_alternative<Disconnected>(client->poll({}).at(0)));
    CHECK_FALSE(client->connected());
    CHECK_FALSE(client->send(seal(alice, Heartbeat{3})).ok());
    network.mend(alice.id());
    CHECK(std::holds_alternative<Connected>(client->poll({}).at(0)));
    REQUIRE(client->send(seal(alice, Heartbeat{4})).ok());
    CHECK(server_events(network.server()) == "+" + name + " " + name + ":4 ");
}

TEST_CASE("what is not believed is refused here as over sockets") {
    FakeClock clock;
    const Identity alice = identity_of("alice");
    LoopbackNetwork network(clock, identity_of("coordinator"), seed_of(7), {});
    const auto client = network.connect(alice.id());
    (void)client->poll({});
    REQUIRE(client->send(seal(identity_of("bob"), Heartbeat{1})).ok());
    CHECK(server_events(network.server()) == "!2 ");
    CHECK(network.server().counters().wrong_signer == 1);
    const std::vector<ClientEvent> events = client->poll({});
    REQUIRE(events.size() == 3);
    CHECK(std::holds_alternative<Disconnected>(events[0]));
    CHECK(std::holds_alternative<Connected>(events[1]));
    CHECK(std::holds_alternative<Refusal>(std::get<Incoming>(events[2]).message));
    REQUIRE(client->send(Bytes(20, 1)).ok());
    CHECK(server_events(network.server()) == "!1 ");
}

TEST_CASE("a client that ends has left, and a second one takes over") {
    FakeClock clock;
    const Identity alice = identity_of("alice");
    LoopbackNetwork network(clock, identity_of("coordinator"), seed_of(8), {});
    const std::string name = alice.id().brief();
    auto first = network.connect(alice.id());
    REQUIRE(first->send(seal(alice, Heartbeat{1})).ok());
    (void)server_events(network.server());
    const auto second = network.connect(alice.id());
    CHECK_FALSE(first->connected());
    REQUIRE(second->send(seal(alice, Heartbeat{2})).ok());
    CHECK(server_events(network.server()) == "-" + name + " +" + name + " " + name + ":2 ");
    first.reset();
    CHECK(second->connected());
}

}  // namespace assay
