// Channels over ZeroMQ with CURVE: the coordinator's ROUTER, a peer's DEALER that dials out.
//
// Encrypted with the CURVE images of the nodes' Ed25519 keys; an admission list decides who may
// connect; a message must be signed by the key whose image the connection has. The thread that
// opened a channel uses it; ZeroMQ's own threads and the admission handler never touch it.

#pragma once

#include <memory>
#include <string>

#include "net/channel.h"

namespace assay {

class ZmqServer : public ServerChannel {
public:
    // endpoint: tcp://HOST:PORT; port 0 takes a free one. admit: "any", or a file (AdmissionList).
    static Result<std::unique_ptr<ZmqServer>> open(const Identity& identity,
                                                   const std::string& endpoint,
                                                   const std::string& admit);
    ~ZmqServer() override;

    // With the port that was taken.
    [[nodiscard]] const std::string& endpoint() const;
    // How long closing the channel may wait for what was sent last; 0 at first.
    void set_linger(DurationMs linger);
    // Somebody asked for it; a change of the file is seen without.
    void read_admission_again();

    Status send(const PeerId& to, Bytes wire) override;
    std::vector<ServerEvent> poll(DurationMs timeout) override;
    void close_peer(const PeerId& peer) override;
    [[nodiscard]] bool connected(const PeerId& peer) const override;
    [[nodiscard]] const ChannelCounters& counters() const override;

private:
    class Impl;
    explicit ZmqServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Connects by itself, again and again: after a lost connection at once, then at growing intervals
// up to 5 s, also after its key was refused (it may be admitted later).
class ZmqClient : public ClientChannel {
public:
    // Fails on an endpoint that ZeroMQ does not take; that nobody answers there is no failure.
    static Result<std::unique_ptr<ZmqClient>> open(const Identity& identity,
                                                   const std::string& endpoint,
                                                   const PeerId& coordinator);
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
