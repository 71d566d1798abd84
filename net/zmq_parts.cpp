#include "net/zmq_parts.h"

#include <cstring>

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr int kHandshakeMs = 15000;
constexpr int kSendQueue = 256;  // messages a connection
constexpr int kReceiveQueue = 16;
// A little above the bound, so that a message just too large is counted and answered; a much larger
// one is cut off by ZeroMQ.
constexpr int64_t kFrameBytesMax = static_cast<int64_t>(limits::kMessageBytesMax) + 65536;

static_assert(kSendQueue * limits::kMessageBytesMax <= uint64_t{1} << 30,
              "what one slow reader holds fits into memory");

void set_raw(zmq::socket_t& socket, int option, const void* value, size_t size) {
    ASSAY_CHECK_MSG(zmq_setsockopt(socket.handle(), option, value, size) == 0,
                    "socket option " + std::to_string(option) + ": " + zmq_strerror(zmq_errno()));
}

}  // namespace

void set_option(zmq::socket_t& socket, int option, int value) {
    set_raw(socket, option, &value, sizeof(value));
}

void set_option(zmq::socket_t& socket, int option, int64_t value) {
    set_raw(socket, option, &value, sizeof(value));
}

void set_option(zmq::socket_t& socket, int option, const std::string& value) {
    set_raw(socket, option, value.data(), value.size());
}

void set_option(zmq::socket_t& socket, int option, const CurveKey& key) {
    set_raw(socket, option, key.data(), key.size());
}

void set_common_options(zmq::socket_t& socket, const Identity& identity) {
    set_option(socket, ZMQ_LINGER, 0);
    set_option(socket, ZMQ_MAXMSGSIZE, kFrameBytesMax);
    set_option(socket, ZMQ_SNDHWM, kSendQueue);
    set_option(socket, ZMQ_RCVHWM, kReceiveQueue);
    set_option(socket, ZMQ_HANDSHAKE_IVL, kHandshakeMs);
    set_option(socket, ZMQ_CURVE_PUBLICKEY, identity.curve_public());
    set_option(socket, ZMQ_CURVE_SECRETKEY, identity.curve_secret());
}

std::vector<zmq::message_t> receive_frames(zmq::socket_t& socket) {
    std::vector<zmq::message_t> frames;
    bool more = true;
    while (more) {
        zmq::message_t frame;
        if (zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT) < 0) {
            return {};  // the frames of a message come together, so this was the first
        }
        more = frame.more();
        if (frames.size() < 3) {  // nobody reads further ones
            frames.push_back(std::move(frame));
        }
    }
    return frames;
}

int send_frame(zmq::socket_t& socket, ByteSpan bytes, bool more) {
    const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
    const int sent = zmq_send(socket.handle(), bytes.data(), bytes.size(), flags);
    return sent < 0 ? zmq_errno() : 0;
}

SocketMonitor::SocketMonitor(zmq::context_t& context,
                             zmq::socket_t& watched,
                             const std::string& name)
    : socket_(context, zmq::socket_type::pair) {
    const std::string endpoint = "inproc://monitor-" + name;
    ASSAY_CHECK_EQ(zmq_socket_monitor(watched.handle(), endpoint.c_str(), ZMQ_EVENT_ALL), 0);
    set_option(socket_, ZMQ_LINGER, 0);
    set_option(socket_, ZMQ_RCVHWM, 0);  // an event that is lost would be a connection's end
    socket_.connect(endpoint);
}

bool SocketMonitor::next(MonitorEvent& event) {
    const std::vector<zmq::message_t> frames = receive_frames(socket_);
    if (frames.empty()) {
        return false;
    }
    ASSAY_CHECK_LE(6U, frames[0].size());
    uint16_t number = 0;
    int32_t value = 0;
    std::memcpy(&number, frames[0].data(), 2);
    std::memcpy(&value, static_cast<const char*>(frames[0].data()) + 2, 4);
    event = {number, value};
    return true;
}

void wait_readable(std::initializer_list<zmq::socket_t*> sockets, int64_t timeout_ms) {
    std::vector<zmq_pollitem_t> items;
    ASSAY_CHECK_LE(0, timeout_ms);  // or it would wait for ever
    for (zmq::socket_t* socket : sockets) {
        items.push_back({socket->handle(), 0, ZMQ_POLLIN, 0});
    }
    (void)zmq_poll(items.data(),
                   static_cast<int>(items.size()),
                   static_cast<long>(timeout_ms));  // NOLINT: ZeroMQ's type
}

}  // namespace assay
