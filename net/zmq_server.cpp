// The coordinator's end: who is behind each connection, and what is not believed.
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstring>
#include <map>
#include <unordered_map>

#include "core/owner_thread.h"
#include "net/zap_handler.h"
#include "net/zmq_channel.h"
#include "net/zmq_parts.h"

namespace assay {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr int kMessagesPerPoll = 256;
constexpr std::chrono::milliseconds kFarewell{200};  // for a refusal to go out before the end

// The other end's address: says whether a file descriptor still is the same connection.
struct Remote {
    sockaddr_storage address{};
    socklen_t size = 0;

    static Remote of(int fd) {
        Remote remote;
        remote.size = sizeof(remote.address);
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&remote.address), &remote.size) != 0) {
            remote.size = 0;
        }
        return remote;
    }
    [[nodiscard]] bool same(const Remote& other) const {
        return size != 0 && size == other.size && std::memcmp(&address, &other.address, size) == 0;
    }
};

// One connection, known from its first message on.
struct Link {
    CurveKey key{};
    std::optional<PeerId> peer;
    int fd = -1;
    Remote remote;
    std::optional<SteadyTime> ends_at;  // set: nothing of it is read any more
};

}  // namespace

class ZmqServer::Impl {
public:
    Impl(const Identity& identity, std::shared_ptr<AdmissionList> list);

    Status bind(const std::string& address);
    Status send(const PeerId& to, const Bytes& wire);
    std::vector<ServerEvent> poll(DurationMs timeout);
    void close(const PeerId& peer, const std::string& route) {
        ASSAY_CHECK(owner_.is_here());
        events_.emplace_back(Left{peer});
        end(route, kFarewell);
    }
    void read_admission_again() { list_->read_again(); }
    void set_linger(DurationMs linger) {
        ASSAY_CHECK(owner_.is_here());
        set_option(router_, ZMQ_LINGER, static_cast<int>(linger.ms));
    }

    std::string endpoint;
    ChannelCounters counters;
    std::map<PeerId, std::string> routes;  // of the peers that are connected

private:
    void end(const std::string& route, std::chrono::milliseconds delay);
    void read_monitor();
    void read_messages();
    Link* link_of(const std::string& route, const zmq::message_t& frame);
    void judge(const std::string& route, Link& link, std::vector<zmq::message_t>& frames);
    std::optional<Refused> judge_signer(const Link& link, const PeerId& signer);
    void attach(const std::string& route, Link& link, const PeerId& peer);
    void refuse(const std::string& route, const Link& link, Refused refused);
    void disconnected(int fd);
    void forget(const std::string& route);
    void close_ended_links();

    Identity identity_;
    std::shared_ptr<AdmissionList> list_;
    zmq::context_t context_{1};
    ZapHandler zap_;
    zmq::socket_t router_;
    SocketMonitor monitor_;
    std::unordered_map<std::string, Link> links_;  // by ZeroMQ's routing id
    std::unordered_map<int, std::string> by_fd_;
    std::vector<ServerEvent> events_;
    OwnerThread owner_;
};

ZmqServer::Impl::Impl(const Identity& identity, std::shared_ptr<AdmissionList> list)
    : identity_(identity),
      list_(list),
      zap_(context_, std::move(list)),
      router_(context_, zmq::socket_type::router),
      monitor_(context_, router_, "server") {
    set_common_options(router_, identity_);
    set_option(router_, ZMQ_CURVE_SERVER, 1);
    set_option(router_, ZMQ_ROUTER_MANDATORY, 1);
    set_option(router_, ZMQ_ZAP_DOMAIN, std::string(ZapHandler::kDomain));
    set_option(router_, kZapEnforceDomain, 1);
}

Status ZmqServer::Impl::bind(const std::string& address) {
    ASSAY_CHECK(endpoint.empty());
    if (zmq_bind(router_.handle(), address.c_str()) != 0) {
        return fail("cannot listen on " + address + ": " + zmq_strerror(zmq_errno()));
    }
    char text[256] = {};
    size_t size = sizeof(text);
    ASSAY_CHECK_EQ(zmq_getsockopt(router_.handle(), ZMQ_LAST_ENDPOINT, text, &size), 0);
    endpoint = text;
    return {};
}

Status ZmqServer::Impl::send(const PeerId& to, const Bytes& wire) {
    ASSAY_CHECK(owner_.is_here());
    const auto route = routes.find(to);
    if (route == routes.end()) {
        ++counters.unsent;
        return fail("peer " + to.brief() + " is not connected");
    }
    int error = send_frame(router_, as_bytes(route->second), true);
    error = error == 0 ? send_frame(router_, wire, false) : error;
    if (error == 0) {
        ++counters.messages_sent;
        counters.bytes_sent += wire.size();
        return {};
    }
    ++counters.unsent;
    if (error == EHOSTUNREACH) {
        events_.emplace_back(Left{to});
        forget(std::string(route->second));
        return fail("peer " + to.brief() + " is gone");
    }
    return fail("peer " + to.brief() + " reads too slowly: " + zmq_strerror(error));
}

std::vector<ServerEvent> ZmqServer::Impl::poll(DurationMs timeout) {
    ASSAY_CHECK(owner_.is_here());
    int64_t wait = events_.empty() ? timeout.ms : 0;
    for (const auto& entry : links_) {
        wait = entry.second.ends_at ? std::min<int64_t>(wait, kFarewell.count()) : wait;
    }
    wait_readable({&router_, &monitor_.socket()}, wait);
    read_monitor();
    read_messages();
    close_ended_links();
    return std::exchange(events_, {});
}

void ZmqServer::Impl::read_monitor() {
    MonitorEvent event;
    while (monitor_.next(event)) {
        if (event.event == ZMQ_EVENT_DISCONNECTED) {
            disconnected(event.value);
        } else if (event.event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
            ++counters.not_admitted;
            events_.emplace_back(Refused{RefusalCode::kUnknownKey,
                                         "",
                                         "a key that is not in the admission list was refused"});
        } else if (event.event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
                   event.event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) {
            ++counters.failed_handshakes;
            events_.emplace_back(Refused{
                RefusalCode::kMalformed, "", "a connection did not complete the CURVE handshake"});
        }
    }
}

void ZmqServer::Impl::read_messages() {
    for (int i = 0; i < kMessagesPerPoll; ++i) {
        std::vector<zmq::message_t> frames = receive_frames(router_);
        if (frames.empty()) {
            return;
        }
        const std::string route = frames[0].to_string();
        Link* link = frames.size() > 1 ? link_of(route, frames[1]) : nullptr;
        if (link != nullptr && !link->ends_at) {
            judge(route, *link, frames);
        }
    }
}

// The connection that a message came over; nullptr if it has no key, which ZAP rules out.
Link* ZmqServer::Impl::link_of(const std::string& route, const zmq::message_t& frame) {
    const auto known = links_.find(route);
    if (known != links_.end()) {
        return &known->second;
    }
    // The end of a connection that had this file descriptor before was reported before this one
    // began: it must be seen first.
    read_monitor();
    const char* user = zmq_msg_gets(frame.handle(), "User-Id");
    const Result<Digest> key = digest_from_hex(user == nullptr ? "" : user);
    if (!key) {
        return nullptr;
    }
    Link link;
    link.key = key->bytes;
    link.fd = zmq_msg_get(frame.handle(), ZMQ_SRCFD);
    link.remote = Remote::of(link.fd);
    by_fd_[link.fd] = route;
    return &links_.emplace(route, link).first->second;
}

void ZmqServer::Impl::judge(const std::string& route,
                            Link& link,
                            std::vector<zmq::message_t>& frames) {
    ASSAY_CHECK(!link.ends_at);
    if (frames.size() != 2) {
        ++counters.malformed;
        refuse(route, link, {RefusalCode::kMalformed, "", "a message has more than one frame"});
        return;
    }
    const auto* data = static_cast<const uint8_t*>(frames[1].data());
    auto opened = open_incoming(Bytes(data, data + frames[1].size()), counters);
    if (auto* refused = std::get_if<Refused>(&opened)) {
        refuse(route, link, std::move(*refused));
        return;
    }
    auto& incoming = std::get<Incoming>(opened);
    if (link.peer != incoming.from) {
        if (std::optional<Refused> refused = judge_signer(link, incoming.from)) {
            refuse(route, link, std::move(*refused));
            return;
        }
        attach(route, link, incoming.from);
    }
    events_.emplace_back(std::move(incoming));
}

std::optional<Refused> ZmqServer::Impl::judge_signer(const Link& link, const PeerId& signer) {
    const Result<CurveKey> image = curve_key_of(signer);
    if (!image || *image != link.key) {
        ++counters.wrong_signer;
        return Refused{RefusalCode::kBadSignature,
                       "",
                       "signed by " + signer.brief() + ", which is not the connection's key"};
    }
    if (!list_->claim(link.key, signer)) {
        ++counters.second_key;
        return Refused{RefusalCode::kUnknownKey,
                       "",
                       "another signing key has the connection key of " + signer.brief()};
    }
    return {};
}

// A peer has one connection: the newest.
void ZmqServer::Impl::attach(const std::string& route, Link& link, const PeerId& peer) {
    ASSAY_CHECK(!link.ends_at);
    const auto older = routes.find(peer);
    if (older != routes.end()) {
        end(std::string(older->second), std::chrono::milliseconds(0));
    }
    link.peer = peer;
    routes[peer] = route;
    events_.emplace_back(Joined{peer});
}

void ZmqServer::Impl::refuse(const std::string& route, const Link& link, Refused refused) {
    refused.who = to_hex(link.key);
    const Bytes wire = seal(identity_, Refusal{refused.code, refused.reason, {}, {}});
    if (send_frame(router_, as_bytes(route), true) == 0) {
        (void)send_frame(router_, wire, false);
    }
    if (link.peer) {
        events_.emplace_back(Left{*link.peer});
    }
    events_.emplace_back(std::move(refused));
    end(route, kFarewell);
}

// Stops reading and, after the delay, closes.
void ZmqServer::Impl::end(const std::string& route, std::chrono::milliseconds delay) {
    const auto link = links_.find(route);
    if (link == links_.end() || link->second.ends_at) {
        return;
    }
    link->second.ends_at = std::chrono::steady_clock::now() + delay;
    if (link->second.peer) {
        const auto mine = routes.find(*link->second.peer);
        if (mine != routes.end() && mine->second == route) {
            routes.erase(mine);
        }
        link->second.peer.reset();
    }
}

// ZeroMQ has no call that closes one connection of a socket: its file descriptor is shut down, if
// it still leads to the same address, and ZeroMQ's thread then finds it closed.
void ZmqServer::Impl::close_ended_links() {
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto& entry : links_) {
        Link& link = entry.second;
        if (link.ends_at && *link.ends_at <= now && link.fd >= 0) {
            if (Remote::of(link.fd).same(link.remote)) {
                ::shutdown(link.fd, SHUT_RDWR);
            }
            link.fd = -1;
        }
    }
}

void ZmqServer::Impl::disconnected(int fd) {
    const auto route = by_fd_.find(fd);
    if (route == by_fd_.end()) {
        return;
    }
    const std::string gone = route->second;
    const auto link = links_.find(gone);
    if (link != links_.end() && link->second.peer) {
        events_.emplace_back(Left{*link->second.peer});
    }
    by_fd_.erase(route);
    forget(gone);
}

void ZmqServer::Impl::forget(const std::string& route) {
    const auto link = links_.find(route);
    if (link == links_.end()) {
        return;
    }
    if (link->second.peer) {
        const auto mine = routes.find(*link->second.peer);
        if (mine != routes.end() && mine->second == route) {
            routes.erase(mine);
        }
    }
    links_.erase(link);
}

Result<std::unique_ptr<ZmqServer>> ZmqServer::open(const Identity& identity,
                                                   const std::string& endpoint,
                                                   const std::string& admit) {
    Result<std::shared_ptr<AdmissionList>> list = AdmissionList::open(admit);
    if (!list) {
        return list.error();
    }
    try {
        auto impl = std::make_unique<Impl>(identity, *list);
        const Status bound = impl->bind(endpoint);
        if (!bound) {
            return bound.error();
        }
        return std::unique_ptr<ZmqServer>(new ZmqServer(std::move(impl)));
    } catch (const zmq::error_t& error) {
        return fail(std::string("cannot make ZeroMQ sockets: ") + error.what());
    }
}

ZmqServer::ZmqServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ZmqServer::~ZmqServer() = default;
const std::string& ZmqServer::endpoint() const {
    return impl_->endpoint;
}
void ZmqServer::set_linger(DurationMs linger) {
    impl_->set_linger(linger);
}
void ZmqServer::read_admission_again() {
    impl_->read_admission_again();
}
Status ZmqServer::send(const PeerId& to, Bytes wire) {
    return impl_->send(to, wire);
}
std::vector<ServerEvent> ZmqServer::poll(DurationMs timeout) {
    return impl_->poll(timeout);
}
bool ZmqServer::connected(const PeerId& peer) const {
    return impl_->routes.count(peer) == 1;
}
const ChannelCounters& ZmqServer::counters() const {
    return impl_->counters;
}

void ZmqServer::close_peer(const PeerId& peer) {
    const auto route = impl_->routes.find(peer);
    if (route != impl_->routes.end()) {
        impl_->close(peer, std::string(route->second));
    }
}

}  // namespace assay
