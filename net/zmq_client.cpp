// A peer's end: one connection that is made again whenever it ends.
#include <chrono>

#include "core/owner_thread.h"
#include "core/rng.h"
#include "net/reminder.h"
#include "net/zmq_channel.h"
#include "net/zmq_parts.h"
#include "protocol/limits.h"

namespace assay {

namespace {

using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr int kMessagesPerPoll = 256;
constexpr int64_t kBackoffFirstMs = 100;
constexpr int kConnectTimeoutMs = 10000;  // the system's own is minutes where packets are dropped
constexpr DurationMs kRemindEvery{30000};
static_assert(1 <= kBackoffFirstMs && kBackoffFirstMs <= limits::kReconnectMsMax);

}  // namespace

class ZmqClient::Impl {
public:
    Impl(const Identity& identity,
         std::string endpoint,
         const PeerId& coordinator,
         const CurveKey& server_key);

    Status connect();
    Status send(const Bytes& wire);
    std::vector<ClientEvent> poll(DurationMs timeout);
    void set_linger(DurationMs linger);

    bool connected = false;
    ChannelCounters counters;

private:
    void read_monitor();
    void read_messages();
    void lost();
    void key_refused();
    void handshake_failed();
    void retry_later();
    void connect_failed();
    int64_t backoff_ms();

    const Identity identity_;
    const std::string endpoint_;
    const PeerId coordinator_;
    const CurveKey server_key_;
    int linger_ms_ = 0;
    zmq::context_t context_{1};
    std::optional<zmq::socket_t> dealer_;
    std::optional<SocketMonitor> monitor_;
    int sockets_made_ = 0;
    bool refused_ = false;  // the socket is dead, a new one is made at retry_at_
    SteadyClock::time_point retry_at_;
    bool was_lost_ = false;  // ZeroMQ's next retry follows from that, not from a failure to connect
    SystemClock clock_;
    Reminder unreachable_{kRemindEvery};
    Reminder unknown_there_{kRemindEvery};
    int64_t wait_ms_ = kBackoffFirstMs;
    CounterRng jitter_;
    std::vector<ClientEvent> events_;
    OwnerThread owner_;
};

ZmqClient::Impl::Impl(const Identity& identity,
                      std::string endpoint,
                      const PeerId& coordinator,
                      const CurveKey& server_key)
    : identity_(identity),
      endpoint_(std::move(endpoint)),
      coordinator_(coordinator),
      server_key_(server_key),
      jitter_(derive_seed(sha256_plain(identity.id().span()),
                          "jitter",
                          {static_cast<uint64_t>(SteadyClock::now().time_since_epoch().count())})) {
}

Status ZmqClient::Impl::connect() {
    lost();  // whatever the socket before this one had
    monitor_.reset();
    dealer_.emplace(context_, zmq::socket_type::dealer);
    set_common_options(*dealer_, identity_);
    set_option(*dealer_, ZMQ_CURVE_SERVERKEY, server_key_);
    set_option(*dealer_, ZMQ_IMMEDIATE, 1);
    set_option(*dealer_, ZMQ_RECONNECT_IVL, static_cast<int>(kBackoffFirstMs));
    set_option(*dealer_, ZMQ_RECONNECT_IVL_MAX, static_cast<int>(limits::kReconnectMsMax));
    set_option(*dealer_, ZMQ_CONNECT_TIMEOUT, kConnectTimeoutMs);
    set_option(*dealer_, ZMQ_LINGER, linger_ms_);
    monitor_.emplace(context_, *dealer_, std::to_string(sockets_made_++));
    refused_ = false;
    if (zmq_connect(dealer_->handle(), endpoint_.c_str()) != 0) {
        return fail("cannot connect to " + endpoint_ + ": " + zmq_strerror(zmq_errno()));
    }
    return {};
}

Status ZmqClient::Impl::send(const Bytes& wire) {
    ASSAY_CHECK(owner_.is_here());
    const int error = connected ? send_frame(*dealer_, wire, false) : ENOTCONN;
    if (error != 0) {
        ++counters.unsent;
        return fail(connected ? "the coordinator reads too slowly"
                              : "not connected to " + endpoint_);
    }
    ++counters.messages_sent;
    counters.bytes_sent += wire.size();
    return {};
}

std::vector<ClientEvent> ZmqClient::Impl::poll(DurationMs timeout) {
    ASSAY_CHECK(owner_.is_here());
    int64_t wait = events_.empty() ? timeout.ms : 0;
    if (refused_) {
        const auto left =
            std::chrono::duration_cast<Milliseconds>(retry_at_ - SteadyClock::now()).count();
        if (left <= 0) {
            (void)connect();  // it succeeded before with this endpoint
        } else {
            wait = std::min<int64_t>(wait, left + 1);
        }
    }
    wait_readable({&*dealer_, &monitor_->socket()}, wait);
    read_monitor();
    read_messages();
    return std::exchange(events_, {});
}

void ZmqClient::Impl::read_monitor() {
    MonitorEvent event;
    while (monitor_->next(event)) {
        if (event.event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            connected = true;
            was_lost_ = false;
            unreachable_.over();
            unknown_there_.over();
            wait_ms_ = kBackoffFirstMs;
            events_.emplace_back(Connected{});
        } else if (event.event == ZMQ_EVENT_DISCONNECTED) {
            was_lost_ = true;
            lost();
        } else if (event.event == ZMQ_EVENT_CONNECT_RETRIED) {
            connect_failed();
        } else if (event.event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
            key_refused();
        } else if (event.event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
                   event.event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
            handshake_failed();
        }
    }
}

void ZmqClient::Impl::lost() {
    if (connected) {
        connected = false;
        events_.emplace_back(Disconnected{});
    }
}

// ZeroMQ does not try again after a refused key: a later try needs a new socket.
void ZmqClient::Impl::key_refused() {
    lost();
    ++counters.not_admitted;
    events_.emplace_back(
        KeyRefused{"the coordinator at " + endpoint_ +
                   " does not admit this node's key; its operator must add this line "
                   "to the admission list: " +
                   identity_.id().hex()});
    retry_later();
}

void ZmqClient::Impl::handshake_failed() {
    was_lost_ = true;
    ++counters.failed_handshakes;
    if (!refused_ && unknown_there_.due(clock_.now())) {
        events_.emplace_back(Refused{RefusalCode::kUnknownKey,
                                     to_hex(server_key_),
                                     "no CURVE handshake with " + endpoint_ + ": is " +
                                         coordinator_.hex() +
                                         " the key of the coordinator there? Trying again"});
    }
    // ZeroMQ itself would try again at once, for it did connect.
    (void)zmq_disconnect(dealer_->handle(), endpoint_.c_str());
    retry_later();
}

void ZmqClient::Impl::retry_later() {
    if (!refused_) {
        refused_ = true;
        retry_at_ = SteadyClock::now() + Milliseconds(backoff_ms());
    }
}

void ZmqClient::Impl::connect_failed() {
    if (std::exchange(was_lost_, false) || !unreachable_.due(clock_.now())) {
        return;
    }
    events_.emplace_back(Unreachable{"nobody answers at " + endpoint_ +
                                     "; trying again until somebody does. Is the coordinator "
                                     "running, is this the address that it "
                                     "listens on, and does no firewall hold the port back?"});
}

// Doubles each time, with jitter, so that many peers do not come back in step.
int64_t ZmqClient::Impl::backoff_ms() {
    const int64_t wait = wait_ms_;
    ASSAY_CHECK(1 <= wait && wait <= limits::kReconnectMsMax);
    wait_ms_ = std::min(2 * wait_ms_, limits::kReconnectMsMax);
    return wait / 2 + static_cast<int64_t>(jitter_.below(static_cast<uint64_t>(wait / 2 + 1)));
}

void ZmqClient::Impl::read_messages() {
    for (int i = 0; i < kMessagesPerPoll; ++i) {
        const std::vector<zmq::message_t> frames = receive_frames(*dealer_);
        if (frames.empty()) {
            return;
        }
        const auto* data = static_cast<const uint8_t*>(frames[0].data());
        auto opened = open_incoming(Bytes(data, data + frames[0].size()), counters);
        if (auto* refused = std::get_if<Refused>(&opened)) {
            events_.emplace_back(std::move(*refused));
            continue;
        }
        auto& incoming = std::get<Incoming>(opened);
        if (incoming.from != coordinator_) {
            ++counters.wrong_signer;
            events_.emplace_back(Refused{RefusalCode::kBadSignature,
                                         incoming.from.hex(),
                                         "a message is not signed by the coordinator"});
            continue;
        }
        events_.emplace_back(std::move(incoming));
    }
}

void ZmqClient::Impl::set_linger(DurationMs linger) {
    ASSAY_CHECK(owner_.is_here());
    linger_ms_ = static_cast<int>(linger.ms);
    set_option(*dealer_, ZMQ_LINGER, linger_ms_);
}

Result<std::unique_ptr<ZmqClient>> ZmqClient::open(const Identity& identity,
                                                   const std::string& endpoint,
                                                   const PeerId& coordinator) {
    const Result<CurveKey> server_key = curve_key_of(coordinator);
    if (!server_key) {
        return server_key.error();
    }
    try {
        auto impl = std::make_unique<Impl>(identity, endpoint, coordinator, *server_key);
        const Status connecting = impl->connect();
        if (!connecting) {
            return connecting.error();
        }
        return std::unique_ptr<ZmqClient>(new ZmqClient(std::move(impl)));
    } catch (const zmq::error_t& error) {
        return fail(std::string("cannot make ZeroMQ sockets: ") + error.what());
    }
}

ZmqClient::ZmqClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZmqClient::~ZmqClient() = default;
void ZmqClient::set_linger(DurationMs linger) {
    impl_->set_linger(linger);
}
Status ZmqClient::send(Bytes wire) {
    return impl_->send(wire);
}
std::vector<ClientEvent> ZmqClient::poll(DurationMs timeout) {
    return impl_->poll(timeout);
}
bool ZmqClient::connected() const {
    return impl_->connected;
}
const ChannelCounters& ZmqClient::counters() const {
    return impl_->counters;
}

}  // namespace assay
