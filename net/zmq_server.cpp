// The coordinator's end: who is behind each connection, and what is not believed.
#include "net/zmq_server_impl.h"

namespace assay {

ZmqServer::Impl::Impl(const Identity& identity,
                      std::shared_ptr<AdmissionList> list,
                      const ServerLimits& rules)
    : identity_(identity),
      list_(list),
      rules_(rules),
      now_(clock_.now()),
      zap_(context_, std::move(list)),
      router_(context_, zmq::socket_type::router),
      monitor_(context_, router_, "server"),
      door_({rules.strangers_max,
             rules.strangers_per_site,
             rules.connections_max,
             rules.times.patience()}) {
    set_common_options(router_, identity_);
    // A connection whose queue is full is not read, and what its other end does meanwhile (a
    // heartbeat, the end) meets an assertion in libzmq. So ZeroMQ's queue has no end, the loop
    // empties it into the inbox, and the inbox has one.
    set_option(router_, ZMQ_RCVHWM, 0);
    set_option(router_, ZMQ_CURVE_SERVER, 1);
    set_option(router_, ZMQ_ROUTER_MANDATORY, 1);
    set_option(router_, ZMQ_ZAP_DOMAIN, std::string(ZapHandler::kDomain));
    set_option(router_, kZapEnforceDomain, 1);
    set_option(router_, ZMQ_HANDSHAKE_IVL, static_cast<int>(rules.times.patience().ms));
}

// With the port that was taken.
Result<Endpoint> ZmqServer::Impl::listen(const Endpoint& address) {
    set_option(router_, ZMQ_IPV6, address.is_ipv6() ? 1 : 0);
    if (zmq_bind(router_.handle(), address.text().c_str()) != 0) {
        return fail(address.text() + ": " + zmq_strerror(zmq_errno()));
    }
    char text[256] = {};
    size_t size = sizeof(text);
    ASSAY_CHECK_EQ(zmq_getsockopt(router_.handle(), ZMQ_LAST_ENDPOINT, text, &size), 0);
    return Endpoint::parse(text, Endpoint::Use::kListen);
}

// A name may stand for several addresses: all of them, on one port. One is enough, as a machine
// without IPv6 has names with both families.
Status ZmqServer::Impl::bind(const std::string& where) {
    ASSAY_CHECK(endpoint.empty());
    const Result<Endpoint> parsed = Endpoint::parse(where, Endpoint::Use::kListen);
    const Result<std::vector<Endpoint>> addresses =
        parsed ? parsed->addresses() : Result<std::vector<Endpoint>>(parsed.error());
    if (!addresses) {
        return fail("cannot listen on " + where + ": " + addresses.reason());
    }
    uint16_t port = parsed->port();
    std::string failures;
    for (const Endpoint& address : *addresses) {
        const Result<Endpoint> bound = listen(address.with_port(port));
        if (!bound) {
            failures += (failures.empty() ? "" : "; ") + bound.reason();
            continue;
        }
        port = bound->port();
        endpoint = endpoint.empty() ? bound->text() : endpoint;
    }
    return endpoint.empty() ? Status(fail("cannot listen on " + where + ": " + failures))
                            : Status();
}

int ZmqServer::Impl::send_to(const std::string& route, Link& link, const Bytes& wire) {
    int error = send_frame(router_, as_bytes(route), true);
    error = error == 0 ? send_frame(router_, wire, false) : error;
    if (error == 0) {
        link.life.spoken(now_);
        link.sent += wire_size(wire.size());
        ++counters.messages_sent;
        counters.bytes_sent += wire.size();
    } else {
        ++counters.unsent;
    }
    return error;
}

Status ZmqServer::Impl::send(const PeerId& to, const Bytes& wire) {
    ASSAY_CHECK(owner_.is_here());
    const auto found = routes.find(to);
    const auto link = found == routes.end() ? links_.end() : links_.find(found->second);
    if (link == links_.end()) {
        ++counters.unsent;
        return fail("peer " + to.brief() + " is not connected");
    }
    const int error = send_to(link->first, link->second, wire);
    if (error == 0) {
        return {};
    }
    if (error == EHOSTUNREACH) {
        events_.emplace_back(Left{to});
        forget(std::string(link->first));
        return fail("peer " + to.brief() + " is gone");
    }
    return fail("peer " + to.brief() + " reads too slowly: " + zmq_strerror(error));
}

std::string ZmqServer::Impl::site(const PeerId& peer) const {
    const auto found = routes.find(peer);
    const auto link = found == routes.end() ? links_.end() : links_.find(found->second);
    return link == links_.end() ? "" : link->second.tcp.site();
}

uint64_t ZmqServer::Impl::unacknowledged(const PeerId& peer) const {
    const auto found = routes.find(peer);
    const auto link = found == routes.end() ? links_.end() : links_.find(found->second);
    if (link == links_.end()) {
        return 0;
    }
    const auto passed = link->second.tcp.passed();
    const uint64_t there = passed ? passed->acknowledged : 0;
    return link->second.sent > there ? link->second.sent - there : 0;
}

std::vector<ServerEvent> ZmqServer::Impl::poll(DurationMs timeout) {
    ASSAY_CHECK(owner_.is_here());
    int64_t wait = events_.empty() && inbox_.empty() ? timeout.ms : 0;
    for (const auto& entry : links_) {
        wait = entry.second.ends_at ? std::min<int64_t>(wait, kFarewell.ms) : wait;
    }
    note_time(rules_.times.beat());
    wait_readable({&router_, &monitor_.socket()}, wait);
    note_time(DurationMs{timeout.ms + rules_.times.beat().ms});
    read_monitor();
    receive_all();
    read_messages();
    forget_ended();
    watch();
    close_ended_links();
    return std::exchange(events_, {});
}

// Time beyond what was to pass is this process's own: nobody was silent in it.
void ZmqServer::Impl::note_time(DurationMs allowed) {
    now_ = clock_.now();
    const DurationMs stood = stalls_.stood_still(now_, allowed);
    if (stood.ms > 0) {
        for (auto& entry : links_) {
            entry.second.life.stood_still(stood);
        }
        door_.stood_still(stood);
    }
}

void ZmqServer::Impl::read_monitor() {
    MonitorEvent event;
    while (monitor_.next(event)) {
        if (event.event == ZMQ_EVENT_ACCEPTED) {
            accepted(event.value);
        } else if (event.event == ZMQ_EVENT_DISCONNECTED) {
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

void ZmqServer::Impl::accepted(int fd) {
    const TcpConnection connection = TcpConnection::of(fd);
    open_.insert_or_assign(fd, connection);
    turn_away(door_.came(fd, connection.site(), now_));
}

void ZmqServer::Impl::turn_away(const std::vector<int>& fds) {
    for (const int fd : fds) {
        ++counters.turned_away;
        const auto connection = open_.find(fd);
        if (connection != open_.end()) {
            connection->second.end();
        }
    }
}

// ZeroMQ's thread hands messages over before it tells of the end, so the messages are read first.
void ZmqServer::Impl::disconnected(int fd) {
    door_.left(fd);
    open_.erase(fd);
    const auto route = by_fd_.find(fd);
    if (route == by_fd_.end()) {
        return;
    }
    const auto link = links_.find(route->second);
    if (link != links_.end()) {
        link->second.has_ended = true;
        ended_.push_back(route->second);
    }
    by_fd_.erase(route);
}

Result<std::unique_ptr<ZmqServer>> ZmqServer::open(const Identity& identity,
                                                   const std::string& endpoint,
                                                   const std::string& admit,
                                                   const ServerLimits& rules) {
    Result<std::shared_ptr<AdmissionList>> list = AdmissionList::open(admit);
    if (!list) {
        return list.error();
    }
    try {
        auto impl = std::make_unique<Impl>(identity, *list, rules);
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
std::string ZmqServer::site(const PeerId& peer) const {
    return impl_->site(peer);
}
uint64_t ZmqServer::unacknowledged(const PeerId& peer) const {
    return impl_->unacknowledged(peer);
}
const ChannelCounters& ZmqServer::counters() const {
    return impl_->counters;
}

void ZmqServer::close_peer(const PeerId& peer) {
    impl_->close(peer);
}

}  // namespace assay
