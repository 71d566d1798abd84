#include "net/loopback.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

// A message of one direction under way. Sorted by the time it is due, then by the order of sending.
struct InFlight {
    Instant due;
    uint64_t order = 0;
    Bytes wire;
};

struct Direction {
    std::vector<InFlight> in_flight;
    Instant last_due;

    void add(InFlight message) {
        const auto after = std::upper_bound(
            in_flight.begin(), in_flight.end(), message, [](const InFlight& a, const InFlight& b) {
                return a.due != b.due ? a.due < b.due : a.order < b.order;
            });
        in_flight.insert(after, std::move(message));
    }

    // The first message, if it is due.
    std::optional<Bytes> take_first(Instant now) {
        if (in_flight.empty() || in_flight.front().due > now) {
            return {};
        }
        Bytes wire = std::move(in_flight.front().wire);
        in_flight.erase(in_flight.begin());
        return wire;
    }

    std::vector<Bytes> take_due(Instant now) {
        std::vector<Bytes> wires;
        auto end = in_flight.begin();
        for (; end != in_flight.end() && end->due <= now; ++end) {
            wires.push_back(std::move(end->wire));
        }
        in_flight.erase(in_flight.begin(), end);
        return wires;
    }
};

}  // namespace

struct LoopbackNetwork::Link {
    Link(const Digest& seed, const LinkFaults& with) : rng(seed), faults(with) {}

    CounterRng rng;
    LinkFaults faults;
    bool open = false;  // a client is there and the link is not cut
    bool cut = false;
    bool joined = false;      // the server has seen a message of this connection
    uint64_t generation = 0;  // of the client: an older one is dead
    uint64_t sent = 0;
    Direction up;
    Direction down;
    std::vector<ClientEvent> client_events;  // Connected and Disconnected, not yet polled
};

class LoopbackServer : public ServerChannel {
public:
    explicit LoopbackServer(LoopbackNetwork& network) : network_(network) {}

    Status send(const PeerId& to, Bytes wire) override {
        const auto found = network_.links_.find(to);
        if (found == network_.links_.end() || !found->second->joined) {
            ++counters_.unsent;
            return fail("peer " + to.brief() + " is not connected");
        }
        return network_.push(*found->second, false, wire, counters_);
    }

    std::vector<ServerEvent> poll(DurationMs) override {
        for (auto next = earliest(); next != network_.links_.end(); next = earliest()) {
            std::optional<Bytes> wire = next->second->up.take_first(network_.clock_.now());
            if (!wire) {
                break;
            }
            deliver(next->first, *next->second, std::move(*wire));
        }
        return std::exchange(events_, {});
    }

    // What was sent before is on its way, and arrives: why it is closed, for one.
    void close_peer(const PeerId& peer) override {
        Direction sent = std::move(network_.link(peer).down);
        network_.disconnect(peer);
        network_.link(peer).down = std::move(sent);
    }

    [[nodiscard]] uint64_t unacknowledged(const PeerId&) const override { return 0; }
    [[nodiscard]] bool connected(const PeerId& peer) const override {
        const auto found = network_.links_.find(peer);
        return found != network_.links_.end() && found->second->joined;
    }

    [[nodiscard]] const ChannelCounters& counters() const override { return counters_; }

    void left(const PeerId& peer) { events_.emplace_back(Left{peer}); }

private:
    using Links = std::map<PeerId, std::unique_ptr<LoopbackNetwork::Link>>;

    // The link whose first message for the server is due first; of equals the lower peer.
    Links::iterator earliest() {
        auto best = network_.links_.end();
        for (auto link = network_.links_.begin(); link != network_.links_.end(); ++link) {
            const auto& waiting = link->second->up.in_flight;
            if (!waiting.empty() && (best == network_.links_.end() ||
                                     waiting.front().due < best->second->up.in_flight[0].due)) {
                best = link;
            }
        }
        return best;
    }

    void deliver(const PeerId& peer, LoopbackNetwork::Link& link, Bytes wire) {
        auto opened = open_incoming(std::move(wire), counters_);
        if (auto* refused = std::get_if<Refused>(&opened)) {
            refuse(peer, std::move(*refused));
            return;
        }
        auto& incoming = std::get<Incoming>(opened);
        if (incoming.from != peer) {
            ++counters_.wrong_signer;
            refuse(peer,
                   {RefusalCode::kBadSignature,
                    "",
                    "signed by " + incoming.from.brief() + ", which is not the connection's key"});
            return;
        }
        ASSAY_CHECK(link.generation > 0);  // somebody connected before anything came
        if (!link.joined) {
            link.joined = true;
            events_.emplace_back(Joined{peer});
        }
        events_.emplace_back(std::move(incoming));
    }

    void refuse(const PeerId& peer, Refused refused) {
        refused.who = peer.hex();
        network_.disconnect(peer);
        (void)network_.push(
            network_.link(peer),
            false,
            seal(network_.coordinator_, Refusal{refused.code, refused.reason, {}, {}}),
            counters_);
        events_.emplace_back(std::move(refused));
    }

    LoopbackNetwork& network_;
    ChannelCounters counters_;
    std::vector<ServerEvent> events_;
};

class LoopbackClient : public ClientChannel {
public:
    LoopbackClient(LoopbackNetwork& network, const PeerId& peer, uint64_t generation)
        : network_(network), peer_(peer), generation_(generation) {}
    ~LoopbackClient() override {
        if (alive()) {
            network_.disconnect(peer_);
            network_.link(peer_).open = false;
        }
    }
    LoopbackClient(const LoopbackClient&) = delete;
    LoopbackClient& operator=(const LoopbackClient&) = delete;

    Status send(Bytes wire) override {
        if (!connected()) {
            ++counters_.unsent;
            return fail("not connected");
        }
        return network_.push(network_.link(peer_), true, wire, counters_);
    }

    std::vector<ClientEvent> poll(DurationMs) override {
        if (!alive()) {
            return {};
        }
        LoopbackNetwork::Link& link = network_.link(peer_);
        std::vector<ClientEvent> events = std::exchange(link.client_events, {});
        for (Bytes& wire : link.down.take_due(network_.clock_.now())) {
            auto opened = open_incoming(std::move(wire), counters_);
            if (auto* refused = std::get_if<Refused>(&opened)) {
                events.emplace_back(std::move(*refused));
            } else if (std::get<Incoming>(opened).from == network_.coordinator_.id()) {
                events.emplace_back(std::get<Incoming>(std::move(opened)));
            } else {
                ++counters_.wrong_signer;
                events.emplace_back(Refused{
                    RefusalCode::kBadSignature, "", "a message is not signed by the coordinator"});
            }
        }
        return events;
    }

    [[nodiscard]] bool connected() const override { return alive() && network_.link(peer_).open; }
    [[nodiscard]] const ChannelCounters& counters() const override { return counters_; }

private:
    [[nodiscard]] bool alive() const { return network_.link(peer_).generation == generation_; }

    LoopbackNetwork& network_;
    const PeerId peer_;
    const uint64_t generation_;
    ChannelCounters counters_;
};

LoopbackNetwork::LoopbackNetwork(const Clock& clock,
                                 const Identity& coordinator,
                                 const Digest& seed,
                                 const LinkFaults& faults)
    : clock_(clock),
      coordinator_(coordinator),
      seed_(seed),
      faults_(faults),
      server_(std::make_unique<LoopbackServer>(*this)) {
    ASSAY_CHECK(0 <= faults.loss && faults.loss <= 1);
    ASSAY_CHECK(0 <= faults.duplication && faults.duplication <= 1);
    ASSAY_CHECK_LE(0, faults.delay_min.ms);
    ASSAY_CHECK_LE(faults.delay_min.ms, faults.delay_max.ms);
}

LoopbackNetwork::~LoopbackNetwork() = default;

ServerChannel& LoopbackNetwork::server() {
    return *server_;
}

LoopbackNetwork::Link& LoopbackNetwork::link(const PeerId& peer) {
    ASSAY_CHECK(owner_.is_here());
    std::unique_ptr<Link>& link = links_[peer];
    if (!link) {
        link = std::make_unique<Link>(sha256("loopback", seed_.span(), peer.span()), faults_);
    }
    return *link;
}

std::unique_ptr<ClientChannel> LoopbackNetwork::connect(const PeerId& peer) {
    Link& made = link(peer);
    if (made.open) {
        disconnect(peer);
    }
    made.client_events.clear();
    ++made.generation;
    made.open = !made.cut;
    if (made.open) {
        made.client_events.emplace_back(Connected{});
    }
    return std::make_unique<LoopbackClient>(*this, peer, made.generation);
}

// The connection ends and begins anew, as it does when one end of a real one closes it.
void LoopbackNetwork::disconnect(const PeerId& peer) {
    Link& ended = link(peer);
    ended.up = {};
    ended.down = {};
    if (ended.joined) {
        ended.joined = false;
        static_cast<LoopbackServer&>(*server_).left(peer);
    }
    if (ended.open) {
        ended.client_events.emplace_back(Disconnected{});
        ended.open = !ended.cut;
        if (ended.open) {
            ended.client_events.emplace_back(Connected{});
        }
    }
}

void LoopbackNetwork::cut(const PeerId& peer) {
    link(peer).cut = true;
    disconnect(peer);
}

void LoopbackNetwork::mend(const PeerId& peer) {
    Link& mended = link(peer);
    if (mended.cut) {
        mended.cut = false;
        mended.open = mended.generation > 0;
        mended.client_events.emplace_back(Connected{});
    }
}

Status LoopbackNetwork::push(Link& link, bool up, const Bytes& wire, ChannelCounters& counters) {
    ASSAY_CHECK(!link.cut);
    ++counters.messages_sent;
    counters.bytes_sent += wire.size();
    Direction& direction = up ? link.up : link.down;
    const int copies = link.rng.unit() < link.faults.duplication ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
        const bool lost = link.rng.unit() < link.faults.loss;
        const auto spread =
            static_cast<uint64_t>(link.faults.delay_max.ms - link.faults.delay_min.ms + 1);
        const auto delay =
            DurationMs{link.faults.delay_min.ms + static_cast<int64_t>(link.rng.below(spread))};
        if (lost) {
            continue;
        }
        Instant due = clock_.now() + delay;
        if (!link.faults.reorder) {
            due = std::max(due, direction.last_due);
            direction.last_due = due;
        }
        direction.add({due, link.sent++, wire});
    }
    return {};
}

std::optional<Instant> LoopbackNetwork::next_delivery() const {
    std::optional<Instant> next;
    for (const auto& entry : links_) {
        for (const Direction* direction : {&entry.second->up, &entry.second->down}) {
            if (!direction->in_flight.empty()) {
                const Instant due = direction->in_flight.front().due;
                next = next ? std::min(*next, due) : due;
            }
        }
    }
    return next;
}

}  // namespace assay
