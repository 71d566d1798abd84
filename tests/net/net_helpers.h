// Nodes on 127.0.0.1 with free ports, and polling with a deadline, for the tests of this folder.

#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "core/files.h"
#include "net/zmq_channel.h"
#include "tests/support/scratch_folder.h"

namespace assay {

inline Identity identity_of(const std::string& name) {
    return Identity::from_seed(sha256_plain(as_bytes(name)));
}

inline Hello hello_of(uint32_t threads) {
    Hello hello;
    hello.protocol_version = 1;
    hello.threads = threads;
    return hello;
}

// A coordinator that keeps all that its channel says.
class ServerNode {
public:
    explicit ServerNode(const std::string& admit = "any",
                        const std::string& endpoint = "tcp://127.0.0.1:0",
                        const ServerLimits& limits = {})
        : channel(std::move(ZmqServer::open(identity, endpoint, admit, limits).value())) {}

    void poll(int64_t ms = 2) {
        for (ServerEvent& event : channel->poll(DurationMs{ms})) {
            if (auto* incoming = std::get_if<Incoming>(&event)) {
                messages.push_back(std::move(*incoming));
            } else if (const auto* peer = std::get_if<Joined>(&event)) {
                joined.push_back(peer->peer);
            } else if (const auto* gone = std::get_if<Left>(&event)) {
                left.push_back(gone->peer);
            } else {
                refused.push_back(std::get<Refused>(event));
            }
        }
    }

    Identity identity = identity_of("coordinator");
    std::unique_ptr<ZmqServer> channel;
    std::vector<Incoming> messages;
    std::vector<PeerId> joined;
    std::vector<PeerId> left;
    std::vector<Refused> refused;
};

// A peer that keeps all that its channel says.
class ClientNode {
public:
    ClientNode(const Identity& as,
               const ServerNode& server,
               const std::string& endpoint = "",
               const ConnectionTimes& times = {})
        : identity(as),
          channel(
              std::move(ZmqClient::open(as,
                                        endpoint.empty() ? server.channel->endpoint() : endpoint,
                                        server.identity.id(),
                                        times)
                            .value())) {}

    void poll(int64_t ms = 2) {
        for (ClientEvent& event : channel->poll(DurationMs{ms})) {
            if (auto* incoming = std::get_if<Incoming>(&event)) {
                messages.push_back(std::move(*incoming));
            } else if (const auto* no = std::get_if<KeyRefused>(&event)) {
                key_refusals.push_back(no->reason);
            } else if (const auto* silence = std::get_if<Unreachable>(&event)) {
                unreachable.push_back(silence->reason);
            } else if (const auto* trouble = std::get_if<Refused>(&event)) {
                refused.push_back(*trouble);
            } else {
                ++(std::holds_alternative<Connected>(event) ? connections : disconnections);
            }
        }
    }
    Status say(const Message& message) { return channel->send(seal(identity, message)); }

    Identity identity;
    std::unique_ptr<ZmqClient> channel;
    std::vector<Incoming> messages;
    std::vector<std::string> key_refusals;
    std::vector<std::string> unreachable;
    std::vector<Refused> refused;
    int connections = 0;
    int disconnections = 0;
};

// Polls all nodes until the condition holds; false if it does not within the deadline.
inline bool until(ServerNode& server,
                  std::initializer_list<ClientNode*> clients,
                  const std::function<bool()>& holds,
                  int seconds = 20) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        server.poll();
        for (ClientNode* client : clients) {
            client->poll();
        }
    }
    return true;
}

// Connects and says Hello.
inline void meet(ServerNode& server, ClientNode& client) {
    const size_t before = server.messages.size();
    REQUIRE(until(server, {&client}, [&] { return client.channel->connected(); }));
    REQUIRE(client.say(hello_of(1)).ok());
    REQUIRE(until(server, {&client}, [&] { return server.messages.size() > before; }));
}

}  // namespace assay
