// What an event loop sees of the network: signed messages in and out, and who is there.
//
// A channel opens envelopes, checks signatures and bounds, and refuses what is wrong itself:
// whoever polls sees decoded messages of known signers alone. Two kinds: ZeroMQ (net/zmq_channel.h)
// and an in-process twin with faults (net/loopback.h). The thread that made a channel is the one to
// use it.

#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.h"
#include "protocol/checked_envelope.h"
#include "protocol/codec.h"

namespace assay {

// A message whose signature was checked against `from`.
struct Incoming {
    PeerId from;
    CheckedEnvelope envelope;  // its bytes as received: what the ledger keeps
    Message message;
};

// The first valid message on a new connection of this peer follows. May come again without a Left:
// the older connection had fallen silent. While that lives, a second one of this key is refused.
struct Joined {
    PeerId peer;
};

struct Left {
    PeerId peer;
};

// Something that was not believed. The connection it came from is closed.
struct Refused {
    RefusalCode code = RefusalCode::kMalformed;
    std::string who;  // key of the connection, hexadecimal; "" if there was none
    std::string reason;
};

using ServerEvent = std::variant<Joined, Incoming, Left, Refused>;

// The handshake is done: time to say Hello (again).
struct Connected {};

struct Disconnected {};

// The coordinator does not admit this node's key; the reason names the key to be admitted.
struct KeyRefused {
    std::string reason;
};

// Nobody answers at the coordinator's address; tried again until somebody does. Comes at the first
// failure and then every half minute, with what to look at.
struct Unreachable {
    std::string reason;
};

using ClientEvent =
    std::variant<Connected, Incoming, Disconnected, KeyRefused, Unreachable, Refused>;

// What came, what went, and what was refused, by reason.
struct ChannelCounters {
    uint64_t messages_received = 0;
    uint64_t bytes_received = 0;
    uint64_t messages_sent = 0;
    uint64_t bytes_sent = 0;
    uint64_t malformed = 0;  // no envelope, or a body outside its bounds
    uint64_t oversized = 0;
    uint64_t bad_signature = 0;
    uint64_t wrong_signer = 0;       // signed by another than the connection's key
    uint64_t second_key = 0;         // another signing key with the same connection key
    uint64_t not_admitted = 0;       // denied by the admission list
    uint64_t failed_handshakes = 0;  // strangers that do not speak the protocol
    uint64_t key_in_use = 0;         // a second machine with the key of one that is connected
    uint64_t turned_away = 0;        // connections beyond what may stand at the door
    uint64_t unsent = 0;             // not connected, or the receiver reads too slowly

    // All that was not handed on, whatever the reason.
    [[nodiscard]] uint64_t refused() const {
        return malformed + oversized + bad_signature + wrong_signer + second_key + not_admitted +
               failed_handshakes + key_in_use;
    }
};

class ServerChannel {
public:
    virtual ~ServerChannel() = default;
    // Queues an envelope's bytes. Fails, and drops it, if the peer is not connected or reads too
    // slowly: whoever sends must be able to send again.
    virtual Status send(const PeerId& to, Bytes wire) = 0;
    // Waits up to `timeout` for something to happen, and returns it in order; at most a few hundred
    // events at a time. Never blocks longer, returns early on a signal.
    virtual std::vector<ServerEvent> poll(DurationMs timeout) = 0;
    // Closes the peer's connection soon (what was sent before still goes out); Left follows.
    virtual void close_peer(const PeerId& peer) = 0;
    // Bytes that were sent to the peer and that its machine has not acknowledged yet.
    [[nodiscard]] virtual uint64_t unacknowledged(const PeerId& peer) const = 0;
    [[nodiscard]] virtual bool connected(const PeerId& peer) const = 0;
    [[nodiscard]] virtual const ChannelCounters& counters() const = 0;
};

class ClientChannel {
public:
    virtual ~ClientChannel() = default;
    // As above, to the coordinator.
    virtual Status send(Bytes wire) = 0;
    virtual std::vector<ClientEvent> poll(DurationMs timeout) = 0;
    [[nodiscard]] virtual bool connected() const = 0;
    [[nodiscard]] virtual const ChannelCounters& counters() const = 0;
};

// Opens an envelope and its body; otherwise says what to refuse it with. Counts either.
std::variant<Incoming, Refused> open_incoming(Bytes wire, ChannelCounters& counters);

}  // namespace assay
