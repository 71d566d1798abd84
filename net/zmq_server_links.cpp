// ZmqServer, its connections: who is behind each, what is refused, and when one ends.
#include "net/zmq_server_impl.h"
#include "protocol/limits.h"

namespace assay {

namespace {

constexpr int kTakenPerPoll = 256;
constexpr int kFramesPerPoll = 65536;
constexpr size_t kForgottenMax = 8192;
constexpr DurationMs kLookEvery{100};  // at what passed over each connection
// What has come over a connection and is no whole message yet, whoever holds it: the kernel,
// ZeroMQ. A message without end is cut off here.
constexpr uint64_t kUnreadBytesMax = 48U << 20;
static_assert(kWaitingBytesMax + 2 * limits::kMessageBytesMax <= kUnreadBytesMax,
              "whoever sends whole messages is bounded by the inbox");

}  // namespace

// All that ZeroMQ holds goes into the inbox, which knows what is too much.
void ZmqServer::Impl::receive_all() {
    for (int i = 0; i < kFramesPerPoll; ++i) {
        std::vector<zmq::message_t> frames = receive_frames(router_);
        if (frames.empty()) {
            return;
        }
        const std::string route = frames[0].to_string();
        Link* link = frames.size() > 1 ? link_of(route, frames[1]) : nullptr;
        if (link == nullptr || link->ends_at) {
            continue;
        }
        uint64_t bytes = 0;
        for (size_t frame = 1; frame < frames.size(); ++frame) {
            bytes += wire_size(frames[frame].size());
        }
        link->read += bytes;
        link->life.heard(now_);
        if (!inbox_.put(route, std::move(frames), bytes)) {
            ++counters.oversized;
            refuse(route,
                   *link,
                   {RefusalCode::kOutOfBounds, "", "more messages than may wait to be read"});
        }
    }
}

void ZmqServer::Impl::read_messages() {
    for (int i = 0; i < kTakenPerPoll && !inbox_.empty(); ++i) {
        auto [route, frames] = inbox_.take();
        const auto link = links_.find(route);
        if (link != links_.end() && !link->second.ends_at) {
            judge(route, link->second, frames);
        }
    }
}

// The connection that a message came over; nullptr if it has no key, which ZAP rules out, or is
// what is left of one that was forgotten.
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
    if (!key || forgotten_.count(route) > 0) {
        return nullptr;
    }
    const int fd = zmq_msg_get(frame.handle(), ZMQ_SRCFD);
    const auto before = by_fd_.find(fd);
    if (before != by_fd_.end()) {  // a descriptor is one connection's: the older one's end is late
        const auto older = links_.find(before->second);
        if (older != links_.end()) {
            older->second.has_ended = true;
            ended_.push_back(before->second);
        }
    }
    by_fd_[fd] = route;
    const auto connection = open_.try_emplace(fd, TcpConnection::of(fd)).first;
    return &links_.emplace(route, Link(key->bytes, connection->second, now_)).first->second;
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
        if (!attach(route, link, incoming.from)) {
            return;
        }
    }
    const auto* beat = std::get_if<Heartbeat>(&incoming.message);
    if (beat != nullptr && beat->sequence == kQuestion) {
        (void)send_to(route, link, seal(identity_, Heartbeat{kBeat}));
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
        return Refused{
            RefusalCode::kUnknownKey,
            "",
            "another signing key is admitted with the connection key of " + signer.hex()};
    }
    return {};
}

// A peer has one connection, and its key is for one machine: while that is there, no other one
// takes its place. False: the new one was refused.
bool ZmqServer::Impl::attach(const std::string& route, Link& link, const PeerId& peer) {
    ASSAY_CHECK(!link.ends_at);
    const auto older = routes.find(peer);
    if (older != routes.end()) {
        const std::string first = older->second;
        if (!yields_to(first, link, peer)) {
            ++counters.key_in_use;
            refuse(route,
                   link,
                   {RefusalCode::kKeyInUse,
                    "",
                    "the key of peer " + peer.brief() + " is in use on another machine, at " +
                        links_.at(first).tcp.host() +
                        ": a key is for one machine, make another with `assay keygen`"});
            return false;
        }
        end(first, DurationMs{});
    }
    link.peer = peer;
    routes[peer] = route;
    door_.knows(link.tcp.fd());
    events_.emplace_back(Joined{peer});
    return true;
}

// Whether this peer's older connection is none any more. If it is, its peer hears of the other.
bool ZmqServer::Impl::yields_to(const std::string& older, const Link& newer, const PeerId& peer) {
    Link& first = links_.at(older);
    ASSAY_CHECK(first.peer == peer);
    if (first.has_ended || !first.life.is_alive(now_, rules_.times)) {
        return true;
    }
    if (first.told_of_twin.due(now_)) {
        const Refusal told{RefusalCode::kKeyInUse,
                           "another machine, at " + newer.tcp.host() +
                               ", connects with this peer's key; it is refused while this one is "
                               "here, and whoever copied the key should make another",
                           {},
                           {}};
        (void)send_to(older, first, seal(identity_, told));
    }
    return false;
}

void ZmqServer::Impl::refuse(const std::string& route, Link& link, Refused refused) {
    refused.who = to_hex(link.key);
    (void)send_to(route, link, seal(identity_, Refusal{refused.code, refused.reason, {}, {}}));
    if (link.peer) {
        events_.emplace_back(Left{*link.peer});
    }
    events_.emplace_back(std::move(refused));
    end(route, kFarewell);
}

void ZmqServer::Impl::close(const PeerId& peer) {
    ASSAY_CHECK(owner_.is_here());
    const auto route = routes.find(peer);
    if (route != routes.end()) {
        events_.emplace_back(Left{peer});
        end(std::string(route->second), kFarewell);
    }
}

// Stops reading and, after the delay, closes.
void ZmqServer::Impl::end(const std::string& route, DurationMs delay) {
    const auto link = links_.find(route);
    if (link == links_.end() || link->second.ends_at) {
        return;
    }
    inbox_.drop(route);
    link->second.ends_at = now_ + delay;
    if (link->second.peer) {
        const auto mine = routes.find(*link->second.peer);
        if (mine != routes.end() && mine->second == route) {
            routes.erase(mine);
        }
        link->second.peer.reset();
    }
}

// ZeroMQ has no call that closes one connection of a socket, so its descriptor is shut down.
void ZmqServer::Impl::close_ended_links() {
    for (auto& entry : links_) {
        Link& link = entry.second;
        if (link.ends_at && *link.ends_at <= now_ && !link.has_ended) {
            link.tcp.end();
            link.ends_at = now_ + rules_.times.patience();  // should ZeroMQ not find it closed
        }
    }
}

// Connections that are no more, once nothing of theirs waits.
void ZmqServer::Impl::forget_ended() {
    for (std::string& route : std::exchange(ended_, {})) {
        if (inbox_.has(route)) {
            ended_.push_back(std::move(route));
            continue;
        }
        const auto link = links_.find(route);
        if (link != links_.end() && link->second.peer) {
            events_.emplace_back(Left{*link->second.peer});
        }
        forget(route);
    }
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
    inbox_.drop(route);
    links_.erase(link);
    if (forgotten_.insert(route).second) {
        forgotten_in_order_.push_back(route);
    }
    if (forgotten_in_order_.size() > kForgottenMax) {
        forgotten_.erase(forgotten_in_order_.front());
        forgotten_in_order_.pop_front();
    }
}

// Who has said nothing for too long, and who sends what is no message.
void ZmqServer::Impl::watch() {
    if (looked_ && now_ - *looked_ < kLookEvery) {
        return;
    }
    looked_ = now_;
    turn_away(door_.overdue(now_));
    for (const auto& [fd, connection] : open_) {
        const auto passed = by_fd_.count(fd) > 0 ? std::nullopt : connection.passed();
        if (passed && passed->received > kUnreadBytesMax) {  // no message yet, and so much of it
            ++counters.oversized;
            connection.end();
        }
    }
    for (auto& [route, link] : links_) {
        if (!link.ends_at && !link.has_ended) {
            look_at(route, link);
        }
    }
}

void ZmqServer::Impl::look_at(const std::string& route, Link& link) {
    const auto passed = link.tcp.passed();
    if (passed && passed->received > link.received) {
        link.received = passed->received;
        link.life.heard(now_);
    }
    if (link.received > link.read + kUnreadBytesMax) {
        ++counters.oversized;
        refuse(route, link, {RefusalCode::kOutOfBounds, "", "a message without an end"});
        return;
    }
    if (link.life.is_dead(now_, rules_.times)) {
        if (link.peer) {
            events_.emplace_back(Left{*link.peer});
        }
        end(route, DurationMs{});
        return;
    }
    if (link.peer && link.life.owes_question(now_, rules_.times)) {
        link.life.asked(now_);
        (void)send_to(route, link, seal(identity_, Heartbeat{kQuestion}));
    } else if (link.peer && link.life.owes_beat(now_, rules_.times)) {
        (void)send_to(route, link, seal(identity_, Heartbeat{kBeat}));
    }
}

}  // namespace assay
