#include "serving/http_server.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <thread>

#include "core/check.h"
#include "core/log.h"
#include "serving/http_session.h"

namespace assay {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kLookEvery = std::chrono::milliseconds(100);
constexpr size_t kOwnFiles = 64;  // snapshots, logs and the like, which need descriptors too

Instant steady_now() {
    using std::chrono::milliseconds;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return Instant{std::chrono::duration_cast<milliseconds>(now).count()};
}

// Of a name with several addresses that of the older protocol: every client has it.
tcp::endpoint preferred(const tcp::resolver::results_type& found) {
    const auto older = std::find_if(found.begin(), found.end(), [](const auto& one) {
        return one.endpoint().address().is_v4();
    });
    return older == found.end() ? found.begin()->endpoint() : older->endpoint();
}

// As many connections as there are descriptors for: beyond those not even a refusal can be sent.
size_t connections_within(const HttpOptions& options) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
        return options.connections_max;
    }
    const size_t kept = kOwnFiles + options.spare_connections_max;
    const size_t room = files.rlim_cur > kept ? files.rlim_cur - kept : 1;
    return std::min(options.connections_max, room);
}

class Server : public HttpServer {
public:
    Server(const HttpOptions& options, Handler handler)
        : acceptor_(shared_.io), look_(shared_.io), pause_(shared_.io) {
        ASSAY_CHECK(handler != nullptr);
        ASSAY_CHECK(options.connections_max > 0 && options.header_bytes_max > 0);
        ASSAY_CHECK(options.idle_seconds > 0 && options.write_seconds > 0);
        shared_.options = options;
        shared_.options.connections_max = connections_within(options);
        if (!shared_.options.now) {
            shared_.options.now = steady_now;
        }
        shared_.handler = std::move(handler);
    }

    ~Server() override {
        if (!thread_.joinable()) {
            return;  // never listened
        }
        ASSAY_CHECK(std::this_thread::get_id() != thread_.get_id());  // no handler ends its server
        asio::post(shared_.io, [this] {
            error_code ignored;
            acceptor_.close(ignored);
            while (!shared_.sessions.empty()) {
                shared_.sessions.begin()->second->close();
            }
            shared_.io.stop();
        });
        thread_.join();
    }

    Status listen() {
        error_code error;
        const tcp::resolver::results_type found =
            tcp::resolver(shared_.io)
                .resolve(shared_.options.host,
                         std::to_string(shared_.options.port),
                         tcp::resolver::passive | tcp::resolver::numeric_service,
                         error);
        if (error || found.empty()) {
            return fail("--host " + shared_.options.host +
                        " is neither an IP address nor a name of this machine: " + error.message());
        }
        const tcp::endpoint endpoint = preferred(found);
        acceptor_.open(endpoint.protocol(), error);
        if (!error) {
            acceptor_.set_option(asio::socket_base::reuse_address(true), error);
            acceptor_.bind(endpoint, error);
        }
        if (!error) {
            acceptor_.listen(asio::socket_base::max_listen_connections, error);
        }
        if (!error) {
            port_ = acceptor_.local_endpoint(error).port();
        }
        if (error) {
            return fail("cannot listen on " + shared_.options.host + ":" +
                        std::to_string(shared_.options.port) + ": " + error.message());
        }
        accept();
        look_at_times();
        thread_ = std::thread([this] { run(); });
        return {};
    }

    [[nodiscard]] uint16_t port() const override { return port_; }

private:
    // Sessions guard themselves; what still comes here costs a log line.
    void run() {
        while (!shared_.io.stopped()) {
            try {
                shared_.io.run();
            } catch (const std::exception& error) {
                log_error(std::string("in the HTTP server: ") + error.what());
            }
        }
    }

    void accept() {
        acceptor_.async_accept([this](error_code error, tcp::socket socket) {
            if (error == asio::error::operation_aborted) {
                return;
            }
            if (error) {
                accept_later(error);
                return;
            }
            accept();
            take(std::move(socket));
        });
    }

    // Out of descriptors, most likely: at once it would fail again.
    void accept_later(error_code error) {
        log_warning("cannot accept a connection: " + error.message());
        close_oldest_spare();
        pause_.expires_after(kLookEvery);
        pause_.async_wait([this](error_code aborted) {
            if (!aborted) {
                accept();
            }
        });
    }

    void take(tcp::socket socket) {
        const size_t spare = count_spare();
        const bool full = shared_.sessions.size() - spare >= shared_.options.connections_max;
        if (full && spare >= shared_.options.spare_connections_max) {
            close_oldest_spare();
        }
        const uint64_t number = ++accepted_;
        const auto session =
            std::make_shared<HttpSession>(shared_, std::move(socket), number, full);
        ASSAY_CHECK(shared_.owner.is_here());
        ASSAY_CHECK(shared_.sessions.emplace(number, session).second);
        check_connections();
        session->start();
    }

    // With no room for spare ones there is one all the same: somebody must tell that it is full.
    void check_connections() const {
        const size_t spare = count_spare();
        ASSAY_CHECK_LE(spare, std::max<size_t>(1, shared_.options.spare_connections_max));
        ASSAY_CHECK_LE(shared_.sessions.size() - spare, shared_.options.connections_max);
    }

    [[nodiscard]] size_t count_spare() const {
        return static_cast<size_t>(
            std::count_if(shared_.sessions.begin(), shared_.sessions.end(), [](const auto& one) {
                return one.second->is_spare();
            }));
    }

    void close_oldest_spare() {
        const auto oldest = std::find_if(shared_.sessions.begin(),
                                         shared_.sessions.end(),
                                         [](const auto& one) { return one.second->is_spare(); });
        if (oldest != shared_.sessions.end()) {
            const size_t before = shared_.sessions.size();
            const std::shared_ptr<HttpSession> session = oldest->second;
            session->close();
            ASSAY_CHECK_EQ(shared_.sessions.size() + 1, before);
        }
    }

    void look_at_times() {
        look_.expires_after(kLookEvery);
        look_.async_wait([this](error_code aborted) {
            if (aborted) {
                return;
            }
            look_at_times();
            const Instant now = shared_.options.now();
            const auto sessions = shared_.sessions;  // those that end leave the map
            for (const auto& [number, session] : sessions) {
                session->check_time(now);
            }
        });
    }

    HttpShared shared_;
    tcp::acceptor acceptor_;
    asio::steady_timer look_;
    asio::steady_timer pause_;
    uint64_t accepted_ = 0;
    uint16_t port_ = 0;
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpOptions& options, Handler handler) {
    auto server = std::make_unique<Server>(options, std::move(handler));
    if (Status listening = server->listen(); !listening) {
        return listening.error();
    }
    return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace assay
