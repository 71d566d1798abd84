// Small wrappers around ZeroMQ calls for this folder: no exception, no blocking.

#pragma once

#include <string>
#include <vector>
#include <zmq.hpp>

#include "core/bytes.h"
#include "core/identity.h"

namespace assay {

constexpr int kZapEnforceDomain = 93;  // ZMQ_ZAP_ENFORCE_DOMAIN, hidden in Debian's header

// One option of a socket. REQUIRES: the library knows it.
void set_option(zmq::socket_t& socket, int option, int value);
void set_option(zmq::socket_t& socket, int option, int64_t value);
void set_option(zmq::socket_t& socket, int option, const std::string& value);
void set_option(zmq::socket_t& socket, int option, const CurveKey& key);

// What both ends of a connection have in common: bounds, queues, keys. No heartbeats of ZeroMQ's:
// net/liveness.h says why.
void set_common_options(zmq::socket_t& socket, const Identity& identity);

// All frames of one message; empty if there is none. Never blocks.
std::vector<zmq::message_t> receive_frames(zmq::socket_t& socket);

// 0, or the error number. Never blocks.
int send_frame(zmq::socket_t& socket, ByteSpan bytes, bool more);

// One event of a socket's monitor.
struct MonitorEvent {
    int event = 0;
    int value = 0;
};

// Watches a socket's connections.
class SocketMonitor {
public:
    // `name` is the inproc address that events come through: one a socket and context.
    SocketMonitor(zmq::context_t& context, zmq::socket_t& watched, const std::string& name);
    [[nodiscard]] zmq::socket_t& socket() { return socket_; }
    // False if nothing happened.
    bool next(MonitorEvent& event);

private:
    zmq::socket_t socket_;
};

// Waits until one of the sockets can be read, at most timeout_ms; an interrupted wait ends early.
void wait_readable(std::initializer_list<zmq::socket_t*> sockets, int64_t timeout_ms);

}  // namespace assay
