// What is inside ZmqServer: its sockets, and what it knows of each connection. For the two files
// that implement it (zmq_server.cpp: sockets and turns of the loop; zmq_server_links.cpp: who is
// behind a connection, and when it ends).

#pragma once

#include <deque>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "core/owner_thread.h"
#include "net/doorkeeper.h"
#include "net/endpoint.h"
#include "net/inbox.h"
#include "net/liveness.h"
#include "net/reminder.h"
#include "net/tcp_connection.h"
#include "net/zap_handler.h"
#include "net/zmq_channel.h"
#include "net/zmq_parts.h"

namespace assay {

constexpr DurationMs kFarewell{200};  // for a refusal to go out before the end

// One connection, known from its first message on.
struct Link {
    CurveKey key{};
    std::optional<PeerId> peer;
    TcpConnection tcp;
    Liveness life;
    Reminder told_of_twin{DurationMs{30000}};  // that another machine has its key
    uint64_t read = 0;                         // bytes of its messages, as they are on the wire
    uint64_t sent = 0;
    uint64_t received = 0;  // when looked at last
    bool has_ended = false;
    std::optional<Instant> ends_at;  // set: nothing of it is read any more

    Link(const CurveKey& of, const TcpConnection& over, Instant now)
        : key(of), tcp(over), life(now) {}
};

class ZmqServer::Impl {
public:
    Impl(const Identity& identity, std::shared_ptr<AdmissionList> list, const ServerLimits& rules);

    Status bind(const std::string& address);
    Status send(const PeerId& to, const Bytes& wire);
    std::vector<ServerEvent> poll(DurationMs timeout);
    [[nodiscard]] std::string site(const PeerId& peer) const;
    [[nodiscard]] uint64_t unacknowledged(const PeerId& peer) const;
    void close(const PeerId& peer);
    void read_admission_again() { list_->read_again(); }
    void set_linger(DurationMs linger) {
        ASSAY_CHECK(owner_.is_here());
        set_option(router_, ZMQ_LINGER, static_cast<int>(linger.ms));
    }

    std::string endpoint;
    ChannelCounters counters;
    std::map<PeerId, std::string> routes;  // of the peers that are connected

private:
    using Links = std::unordered_map<std::string, Link>;

    Result<Endpoint> listen(const Endpoint& address);
    void note_time(DurationMs allowed);
    int send_to(const std::string& route, Link& link, const Bytes& wire);
    void end(const std::string& route, DurationMs delay);
    void read_monitor();
    void accepted(int fd);
    void turn_away(const std::vector<int>& fds);
    void disconnected(int fd);
    void receive_all();
    void read_messages();
    Link* link_of(const std::string& route, const zmq::message_t& frame);
    void judge(const std::string& route, Link& link, std::vector<zmq::message_t>& frames);
    std::optional<Refused> judge_signer(const Link& link, const PeerId& signer);
    bool attach(const std::string& route, Link& link, const PeerId& peer);
    [[nodiscard]] bool yields_to(const std::string& older, const Link& newer, const PeerId& peer);
    void refuse(const std::string& route, Link& link, Refused refused);
    void forget(const std::string& route);
    void forget_ended();
    void watch();
    void look_at(const std::string& route, Link& link);
    void close_ended_links();

    Identity identity_;
    std::shared_ptr<AdmissionList> list_;
    ServerLimits rules_;
    RunClock clock_;
    Instant now_;  // of this poll
    zmq::context_t context_{1};
    ZapHandler zap_;
    zmq::socket_t router_;
    SocketMonitor monitor_;
    Doorkeeper door_;
    std::unordered_map<int, TcpConnection> open_;  // by descriptor
    Links links_;                                  // by ZeroMQ's routing id
    std::unordered_map<int, std::string> by_fd_;
    Inbox<std::vector<zmq::message_t>> inbox_;
    std::unordered_set<std::string> forgotten_;  // routes whose connections are no more
    std::deque<std::string> forgotten_in_order_;
    std::vector<std::string> ended_;  // connections that are no more, with messages to be read
    StallMeter stalls_;
    std::optional<Instant> looked_;
    std::vector<ServerEvent> events_;
    OwnerThread owner_;
};

}  // namespace assay
