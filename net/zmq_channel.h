// Channels over ZeroMQ with CURVE: the coordinator's ROUTER, a peer's DEALER that dials out.
//
// Encrypted with the CURVE images of the nodes' Ed25519 keys; an admission list decides who may
// connect; a message must be signed by the key whose image the connection has. The thread that
// opened a channel uses it; ZeroMQ's own threads and the admission handler never touch it.

#pragma once

#include <memory>
#include <string>

#include "net/channel.h"
#include "net/liveness.h"
#include "net/name_lookup.h"

namespace assay {

// How many connections a coordinator has, and how long each may be silent.
struct ServerLimits {
    ConnectionTimes times;
    size_t connections_max = 4096;   // in all; each takes a file descriptor
    size_t strangers_max = 512;      // of which no valid message has come
    size_t strangers_per_site = 64;  // of these, from one address
};

class ZmqServer : public ServerChannel {
public:
    // endpoint: as net/endpoint.h reads it; port 0 takes a free one. admit: "any", or a file
    // (AdmissionList).
    static Result<std::unique_ptr<ZmqServer>> open(const Identity& identity,
                                                   const std::string& endpoint,
                                                   const std::string& admit,
                                                   const ServerLimits& limits = {});
    ~ZmqServer() override;

    // With the port that was taken.
    [[nodiscard]] const std::string& endpoint() const;
    // The address that this peer connects from, of an IPv6 site its common part; "" if it is gone.
    [[nodiscard]] std::string site(const PeerId& peer) const;
    // How long closing the channel may wait for what was sent last; 0 at first.
    void set_linger(DurationMs linger);
    // Somebody asked for it; a change of the file is seen without.
    void read_admission_again();

    Status send(const PeerId& to, Bytes wire) override;
    std::vector<ServerEvent> poll(DurationMs timeout) override;
    void close_peer(const PeerId& peer) override;
    [[nodiscard]] uint64_t unacknowledged(const PeerId& peer) const override;
    [[nodiscard]] bool connected(const PeerId& peer) const override;
    [[nodiscard]] const ChannelCounters& counters() const override;

private:
    class Impl;
    explicit ZmqServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Connects by itself, again and again: after a lost connection at once, then at growing intervals
// up to 5 s, also after its key was refused (it may be admitted later); after words of refusal up
// to 30 s. A connection on which nothing comes for too long counts as lost. A name is looked up
// again and again, and all its addresses are tried in turn.
class ZmqClient : public ClientChannel {
public:
    // Fails on what is no endpoint; that nobody answers there is no failure.
    static Result<std::unique_ptr<ZmqClient>> open(const Identity& identity,
                                                   const std::string& endpoint,
                                                   const PeerId& coordinator,
                                                   const ConnectionTimes& times = {},
                                                   NameLookup::Resolve resolve = &addresses_of);
    ~ZmqClient() override;

    void set_linger(DurationMs linger);

    Status send(Bytes wire) override;
    std::vector<ClientEvent> poll(DurationMs timeout) override;
    [[nodiscard]] bool connected() const override;
    [[nodiscard]] const ChannelCounters& counters() const override;

private:
    class Impl;
    explicit ZmqClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace assay
