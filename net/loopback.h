// The in-process twin of the ZeroMQ channel: same interfaces, time from a FakeClock, faults from a
// seed.
//
// A link may lose, delay, reorder and duplicate messages, or be cut. Nothing moves by itself:
// poll() delivers what is due at the clock's time and never waits. One thread uses all of it.

#pragma once

#include <map>
#include <memory>
#include <optional>

#include "core/owner_thread.h"
#include "core/rng.h"
#include "net/channel.h"

namespace assay {

// Probabilities in [0, 1]; a message's delay is uniform between the two, which are not negative.
struct LinkFaults {
    double loss = 0;
    double duplication = 0;
    DurationMs delay_min;
    DurationMs delay_max;
    bool reorder = false;  // false: a message never overtakes an earlier one of its direction
};

class LoopbackNetwork {
public:
    // `clock` must outlive the network, the network its channels.
    LoopbackNetwork(const Clock& clock,
                    const Identity& coordinator,
                    const Digest& seed,
                    const LinkFaults& faults);
    ~LoopbackNetwork();

    // The one server.
    ServerChannel& server();
    // A client for this peer, connected at once. A second one for the same peer takes over.
    std::unique_ptr<ClientChannel> connect(const PeerId& peer);

    // Drops what is under way; the ends see Left and Disconnected, and Connected after mend().
    void cut(const PeerId& peer);
    void mend(const PeerId& peer);

    // When the next message is due, if any is under way: what a simulator advances its clock to.
    [[nodiscard]] std::optional<Instant> next_delivery() const;

private:
    friend class LoopbackServer;
    friend class LoopbackClient;
    struct Link;

    Link& link(const PeerId& peer);
    void disconnect(const PeerId& peer);
    Status push(Link& link, bool up, const Bytes& wire, ChannelCounters& counters);

    const Clock& clock_;
    const Identity coordinator_;
    const Digest seed_;
    const LinkFaults faults_;
    std::map<PeerId, std::unique_ptr<Link>> links_;
    std::unique_ptr<ServerChannel> server_;
    OwnerThread owner_;
};

}  // namespace assay
