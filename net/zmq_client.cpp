// A peer's end: one connection that is made again whenever it ends.
#include "core/owner_thread.h"
#include "core/rng.h"
#include "net/backoff.h"
#include "net/endpoint.h"
#include "net/reminder.h"
#include "net/tcp_connection.h"
#include "net/zmq_channel.h"
#include "net/zmq_parts.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr int kMessagesPerPoll = 256;
constexpr DurationMs kBackoffFirst{100};
constexpr DurationMs kRefusedFirst{1000};  // after words that say no
constexpr DurationMs kRefusedMost{30000};
constexpr DurationMs kSoon{2000};         // an end so soon after a refusal follows from it
constexpr int kConnectTimeoutMs = 10000;  // the system's own is minutes where packets are dropped
constexpr DurationMs kRemindEvery{30000};

}  // namespace

class ZmqClient::Impl {
public:
    Impl(const Identity& identity,
         Endpoint endpoint,
         const PeerId& coordinator,
         const CurveKey& server_key,
         const ConnectionTimes& times,
         NameLookup::Resolve resolve);

    Status connect();
    Status send(const Bytes& wire);
    std::vector<ClientEvent> poll(DurationMs timeout);
    void set_linger(DurationMs linger);

    bool connected = false;
    ChannelCounters counters;

private:
    void choose_target();
    void note_time(DurationMs allowed);
    void read_monitor();
    void read_messages();
    void handed_over(const Incoming& incoming);
    void keep_alive();
    void lost();
    void disconnected();
    void stop_trying();
    void key_refused();
    void handshake_failed();
    void retry_after(DurationMs wait);
    void connect_failed();

    const Identity identity_;
    const Endpoint endpoint_;
    Endpoint target_;                  // it, or one of its addresses
    std::optional<NameLookup> names_;  // if it is a name
    const PeerId coordinator_;
    const CurveKey server_key_;
    const ConnectionTimes times_;
    int linger_ms_ = 0;
    zmq::context_t context_{1};
    std::optional<zmq::socket_t> dealer_;
    std::optional<SocketMonitor> monitor_;
    int sockets_made_ = 0;
    bool ipv6_;                          // the family that is tried
    std::optional<Instant> retry_at_;    // the socket is dead, a new one is made then
    std::optional<Instant> refused_at_;  // last words of refusal on this connection
    bool was_lost_ = false;  // ZeroMQ's next retry follows from that, not from a failure to connect
    RunClock clock_;
    Instant now_;
    StallMeter stalls_;
    TcpConnection tcp_;
    std::optional<Liveness> life_;  // of the connection, while there is one
    uint64_t received_ = 0;         // bytes of it, when looked at last
    Reminder unreachable_{kRemindEvery};
    Reminder unknown_there_{kRemindEvery};
    Backoff unheard_;  // no connection came about
    Backoff refused_;  // one did, and the coordinator said no
    std::vector<ClientEvent> events_;
    OwnerThread owner_;
};

ZmqClient::Impl::Impl(const Identity& identity,
                      Endpoint endpoint,
                      const PeerId& coordinator,
                      const CurveKey& server_key,
                      const ConnectionTimes& times,
                      NameLookup::Resolve resolve)
    : identity_(identity),
      endpoint_(std::move(endpoint)),
      target_(endpoint_),
      coordinator_(coordinator),
      server_key_(server_key),
      times_(times),
      ipv6_(endpoint_.is_ipv6()),
      now_(clock_.now()),
      unheard_(kBackoffFirst,
               DurationMs{limits::kReconnectMsMax},
               derive_seed(
                   sha256_plain(identity.id().span()), "jitter", {static_cast<uint64_t>(now_.ms)})),
      refused_(kRefusedFirst,
               kRefusedMost,
               derive_seed(sha256_plain(identity.id().span()),
                           "jitter after a refusal",
                           {static_cast<uint64_t>(now_.ms)})) {
    if (endpoint_.is_name()) {
        names_.emplace(endpoint_, std::move(resolve));
    }
}

// ZeroMQ itself takes the first address of a name, and of one family: so that the first connection
// waits for nobody. Then all of them, in turn.
void ZmqClient::Impl::choose_target() {
    if (names_ && sockets_made_ > 0) {
        target_ = names_->next().value_or(endpoint_);
        ipv6_ = target_.is_name() ? !ipv6_ : target_.is_ipv6();
    }
}

Status ZmqClient::Impl::connect() {
    lost();  // whatever the socket before this one had
    choose_target();
    monitor_.reset();
    dealer_.emplace(context_, zmq::socket_type::dealer);
    set_common_options(*dealer_, identity_);
    set_option(*dealer_, ZMQ_CURVE_SERVERKEY, server_key_);
    set_option(*dealer_, ZMQ_IMMEDIATE, 1);
    set_option(*dealer_, ZMQ_IPV6, ipv6_ ? 1 : 0);
    set_option(*dealer_, ZMQ_RECONNECT_IVL, static_cast<int>(kBackoffFirst.ms));
    set_option(*dealer_, ZMQ_RECONNECT_IVL_MAX, static_cast<int>(limits::kReconnectMsMax));
    set_option(*dealer_, ZMQ_CONNECT_TIMEOUT, kConnectTimeoutMs);
    set_option(*dealer_, ZMQ_LINGER, linger_ms_);
    monitor_.emplace(context_, *dealer_, std::to_string(sockets_made_++));
    retry_at_.reset();
    if (zmq_connect(dealer_->handle(), target_.text().c_str()) != 0) {
        return fail("cannot connect to " + target_.text() + ": " + zmq_strerror(zmq_errno()));
    }
    return {};
}

Status ZmqClient::Impl::send(const Bytes& wire) {
    ASSAY_CHECK(owner_.is_here());
    const int error = connected ? send_frame(*dealer_, wire, false) : ENOTCONN;
    if (error != 0) {
        ++counters.unsent;
        return fail(connected ? "the coordinator reads too slowly"
                              : "not connected to " + endpoint_.text());
    }
    life_->spoken(now_);
    ++counters.messages_sent;
    counters.bytes_sent += wire.size();
    return {};
}

std::vector<ClientEvent> ZmqClient::Impl::poll(DurationMs timeout) {
    ASSAY_CHECK(owner_.is_here());
    note_time(times_.beat());
    int64_t wait = events_.empty() ? timeout.ms : 0;
    if (retry_at_ && *retry_at_ <= now_) {
        (void)connect();  // it succeeded before with this endpoint
    } else if (retry_at_) {
        wait = std::min<int64_t>(wait, (*retry_at_ - now_).ms + 1);
    }
    wait_readable({&*dealer_, &monitor_->socket()}, wait);
    note_time(DurationMs{timeout.ms + times_.beat().ms});
    read_monitor();
    read_messages();
    keep_alive();
    return std::exchange(events_, {});
}

// Time beyond what was to pass is this process's own: the coordinator was not silent in it.
void ZmqClient::Impl::note_time(DurationMs allowed) {
    now_ = clock_.now();
    const DurationMs stood = stalls_.stood_still(now_, allowed);
    if (life_ && stood.ms > 0) {
        life_->stood_still(stood);
    }
}

void ZmqClient::Impl::read_monitor() {
    MonitorEvent event;
    while (!retry_at_ && monitor_->next(event)) {
        if (event.event == ZMQ_EVENT_CONNECTED) {
            tcp_ = TcpConnection::of(event.value);
        } else if (event.event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            connected = true;
            life_.emplace(now_);
            received_ = 0;
            was_lost_ = false;
            unreachable_.over();
            unknown_there_.over();
            unheard_.over();
            events_.emplace_back(Connected{});
        } else if (event.event == ZMQ_EVENT_DISCONNECTED) {
            disconnected();
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

// Words that say no come before the end that they announce: they are read first.
void ZmqClient::Impl::disconnected() {
    was_lost_ = true;
    read_messages();
    const bool follows = refused_at_ && now_ - *refused_at_ < kSoon;
    lost();
    if (follows) {  // ZeroMQ itself would try again at once
        stop_trying();
        retry_after(refused_.next());
    }
}

void ZmqClient::Impl::lost() {
    life_.reset();
    refused_at_.reset();
    if (connected) {
        connected = false;
        events_.emplace_back(Disconnected{});
    }
}

// Says something in time, and ends a connection on which nothing comes.
void ZmqClient::Impl::keep_alive() {
    if (!connected) {
        return;
    }
    ASSAY_CHECK(life_.has_value());
    const auto passed = tcp_.passed();
    if (passed && passed->received > received_) {
        received_ = passed->received;
        life_->heard(now_);
    }
    if (life_->is_dead(now_, times_)) {
        lost();
        stop_trying();
        retry_after(unheard_.next());
    } else if (life_->owes_question(now_, times_)) {
        life_->asked(now_);
        (void)send(seal(identity_, Heartbeat{kQuestion}));
    } else if (life_->owes_beat(now_, times_)) {
        (void)send(seal(identity_, Heartbeat{kBeat}));
    }
}

// ZeroMQ does not try again after a refused key: a later try needs a new socket.
void ZmqClient::Impl::key_refused() {
    lost();
    ++counters.not_admitted;
    events_.emplace_back(
        KeyRefused{"the coordinator at " + endpoint_.text() +
                   " does not admit this node's key; its operator must add this line "
                   "to the admission list: " +
                   identity_.id().hex()});
    retry_after(unheard_.next());
}

void ZmqClient::Impl::handshake_failed() {
    was_lost_ = true;
    ++counters.failed_handshakes;
    if (!retry_at_ && unknown_there_.due(now_)) {
        events_.emplace_back(Refused{RefusalCode::kUnknownKey,
                                     to_hex(server_key_),
                                     "no CURVE handshake with " + endpoint_.text() + ": is " +
                                         coordinator_.hex() +
                                         " the key of the coordinator there? Trying again"});
    }
    stop_trying();  // ZeroMQ itself would try again at once, for it did connect
    retry_after(unheard_.next());
}

void ZmqClient::Impl::stop_trying() {
    (void)zmq_disconnect(dealer_->handle(), target_.text().c_str());
}

void ZmqClient::Impl::retry_after(DurationMs wait) {
    ASSAY_CHECK(!connected);
    if (!retry_at_) {
        retry_at_ = now_ + wait;
    }
}

void ZmqClient::Impl::connect_failed() {
    if (std::exchange(was_lost_, false)) {
        return;
    }
    if (names_) {  // it may have other addresses
        stop_trying();
        retry_after(unheard_.next());
    }
    if (!unreachable_.due(now_)) {
        return;
    }
    events_.emplace_back(Unreachable{"nobody answers at " + endpoint_.text() +
                                     "; trying again until somebody does. Is the coordinator "
                                     "running, is this the address that it "
                                     "listens on, and does no firewall hold the port back?"});
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
        handed_over(incoming);
        events_.emplace_back(std::move(incoming));
    }
}

// What says how the next connection is to be tried, and what wants a word.
void ZmqClient::Impl::handed_over(const Incoming& incoming) {
    const auto* beat = std::get_if<Heartbeat>(&incoming.message);
    if (beat != nullptr && beat->sequence == kQuestion) {
        (void)send(seal(identity_, Heartbeat{kBeat}));
    } else if (std::holds_alternative<Refusal>(incoming.message)) {
        refused_at_ = now_;
    } else if (std::holds_alternative<Welcome>(incoming.message)) {
        refused_at_.reset();
        refused_.over();
    }
}

void ZmqClient::Impl::set_linger(DurationMs linger) {
    ASSAY_CHECK(owner_.is_here());
    linger_ms_ = static_cast<int>(linger.ms);
    set_option(*dealer_, ZMQ_LINGER, linger_ms_);
}

Result<std::unique_ptr<ZmqClient>> ZmqClient::open(const Identity& identity,
                                                   const std::string& endpoint,
                                                   const PeerId& coordinator,
                                                   const ConnectionTimes& times,
                                                   NameLookup::Resolve resolve) {
    const Result<CurveKey> server_key = curve_key_of(coordinator);
    if (!server_key) {
        return server_key.error();
    }
    const Result<Endpoint> parsed = Endpoint::parse(endpoint, Endpoint::Use::kDial);
    if (!parsed) {
        return parsed.error();
    }
    try {
        auto impl = std::make_unique<Impl>(
            identity, *parsed, coordinator, *server_key, times, std::move(resolve));
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
