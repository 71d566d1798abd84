#include "serving/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdio>
#include <deque>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

namespace assay {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

class Session;

// What all sessions share; lives on the server's thread.
struct Shared {
    HttpOptions options;
    HttpServer::Handler handler;
    asio::io_context io;
    std::set<std::shared_ptr<Session>> sessions;
};

// Text of a chunk of the chunked transfer coding (RFC 9112, 7.1).
std::string chunk_of(const std::string& data) {
    char size[32];
    std::snprintf(size, sizeof(size), "%zx\r\n", data.size());
    return size + data + "\r\n";
}

// One connection. All members are touched on the server's thread only.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(Shared& shared, tcp::socket socket) : shared_(shared), stream_(std::move(socket)) {}

    void read();
    void close();
    void answer(uint64_t request, std::string bytes, bool last);
    void watch(uint64_t request, std::function<void()> callback);
    [[nodiscard]] bool keep_alive() const { return keep_alive_; }
    [[nodiscard]] asio::io_context& io() { return shared_.io; }

private:
    void handle(beast::error_code error);
    void refuse_request(beast::error_code error);
    void watch_for_close();
    void write_next();
    void gone();

    Shared& shared_;
    beast::tcp_stream stream_;
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::string_body>> parser_;
    std::deque<std::string> outgoing_;
    bool writing_ = false;
    bool answering_ = false;
    bool last_queued_ = false;
    bool keep_alive_ = true;
    bool closed_ = false;
    uint64_t request_ = 0;
    std::function<void()> on_gone_;
};

// The reply handed to the application; posts to the session's thread.
class Reply : public HttpReply {
public:
    Reply(std::shared_ptr<Session> session, uint64_t request, bool keep_alive)
        : session_(std::move(session)), request_(request), keep_alive_(keep_alive) {}

    void respond(int status,
                 std::string body,
                 std::string content_type,
                 HttpHeaders headers) override {
        http::response<http::string_body> response{static_cast<http::status>(status), 11};
        fill(response, headers);
        response.set(http::field::content_type, content_type);
        response.body() = std::move(body);
        response.prepare_payload();
        std::ostringstream text;
        text << response;
        post(text.str(), true);
    }

    void start_stream(HttpHeaders headers) override {
        http::response<http::empty_body> response{http::status::ok, 11};
        fill(response, headers);
        response.set(http::field::content_type, "text/event-stream");
        response.set(http::field::cache_control, "no-cache");
        response.set(http::field::transfer_encoding, "chunked");
        std::ostringstream text;
        text << response.base();
        post(text.str(), false);
    }

    void send_event(std::string data) override { post(chunk_of("data: " + data + "\n\n"), false); }
    void finish() override { post("0\r\n\r\n", true); }

    void on_gone(std::function<void()> callback) override {
        asio::post(session_->io(),
                   [session = session_, request = request_, callback = std::move(callback)] {
                       session->watch(request, callback);
                   });
    }

private:
    template <typename Response>
    void fill(Response& response, const HttpHeaders& headers) {
        response.set(http::field::server, "assay");
        response.keep_alive(keep_alive_);
        for (const auto& [name, value] : headers) {
            response.set(name, value);
        }
    }

    void post(std::string bytes, bool last) {
        asio::post(
            session_->io(),
            [session = session_, request = request_, bytes = std::move(bytes), last]() mutable {
                session->answer(request, std::move(bytes), last);
            });
    }

    std::shared_ptr<Session> session_;
    uint64_t request_;
    bool keep_alive_;
};

void Session::read() {
    answering_ = false;
    last_queued_ = false;
    on_gone_ = nullptr;
    parser_.emplace();
    parser_->body_limit(shared_.options.body_bytes_max);
    stream_.expires_after(std::chrono::seconds(shared_.options.idle_seconds));
    http::async_read(
        stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code error, size_t) {
            self->handle(error);
        });
}

void Session::refuse_request(beast::error_code error) {
    if (error == http::error::end_of_stream || error == beast::error::timeout ||
        error == asio::error::operation_aborted || error == asio::error::connection_reset) {
        close();
        return;
    }
    const bool large = error == http::error::body_limit;
    const std::string message = large ? "the body is too large" : "malformed HTTP request";
    keep_alive_ = false;
    answering_ = true;
    Reply(shared_from_this(), ++request_, false)
        .respond(large ? 413 : 400,
                 R"({"error":{"message":")" + message +
                     R"(","type":"invalid_request_error","param":null,"code":null}})",
                 "application/json",
                 {});
}

void Session::handle(beast::error_code error) {
    if (error) {
        refuse_request(error);
        return;
    }
    stream_.expires_never();
    http::request<http::string_body> message = parser_->release();
    keep_alive_ = message.keep_alive();
    answering_ = true;
    ++request_;
    HttpRequest request;
    request.method = std::string(message.method_string());
    const std::string target(message.target());
    request.path = target.substr(0, target.find('?'));
    request.body = std::move(message.body());
    request.authorization = std::string(message[http::field::authorization]);
    request.request_id = std::string(message["X-Request-Id"]);
    watch_for_close();
    shared_.handler(std::move(request),
                    std::make_shared<Reply>(shared_from_this(), request_, keep_alive_));
}

// While a request is being answered, a readable socket means a closed one, or the next request.
void Session::watch_for_close() {
    stream_.socket().async_wait(
        tcp::socket::wait_read, [self = shared_from_this()](beast::error_code error) {
            if (error || !self->answering_ || self->closed_) {
                return;
            }
            char byte = 0;
            const ssize_t got =
                ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
                self->gone();
            }
        });
}

void Session::watch(uint64_t request, std::function<void()> callback) {
    if (closed_ || request != request_) {
        callback();
    } else {
        on_gone_ = std::move(callback);
    }
}

void Session::gone() {
    if (on_gone_) {
        std::exchange(on_gone_, nullptr)();
    }
    close();
}

void Session::answer(uint64_t request, std::string bytes, bool last) {
    if (closed_ || request != request_ || last_queued_) {
        return;
    }
    outgoing_.push_back(std::move(bytes));
    last_queued_ = last;
    if (!writing_) {
        write_next();
    }
}

void Session::write_next() {
    writing_ = true;
    asio::async_write(stream_.socket(),
                      asio::buffer(outgoing_.front()),
                      [self = shared_from_this()](beast::error_code error, size_t) {
                          self->writing_ = false;
                          self->outgoing_.pop_front();
                          if (error) {
                              self->gone();
                          } else if (!self->outgoing_.empty()) {
                              self->write_next();
                          } else if (self->last_queued_ && self->keep_alive_) {
                              self->stream_.socket().cancel();
                              self->read();
                          } else if (self->last_queued_) {
                              self->close();
                          }
                      });
}

void Session::close() {
    if (closed_) {
        return;
    }
    closed_ = true;
    on_gone_ = nullptr;
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    stream_.close();
    shared_.sessions.erase(shared_from_this());
}

// Of a name with several addresses that of the older protocol: every client has it.
tcp::endpoint preferred(const tcp::resolver::results_type& found) {
    const auto older = std::find_if(found.begin(), found.end(), [](const auto& one) {
        return one.endpoint().address().is_v4();
    });
    return older == found.end() ? found.begin()->endpoint() : older->endpoint();
}

class Server : public HttpServer {
public:
    Server(const HttpOptions& options, Handler handler) : acceptor_(shared_.io) {
        shared_.options = options;
        shared_.handler = std::move(handler);
    }

    ~Server() override {
        if (!thread_.joinable()) {
            return;  // never listened
        }
        asio::post(shared_.io, [this] {
            beast::error_code ignored;
            acceptor_.close(ignored);
            const std::set<std::shared_ptr<Session>> open = shared_.sessions;
            for (const std::shared_ptr<Session>& session : open) {
                session->close();
            }
            shared_.io.stop();
        });
        thread_.join();
    }

    Status listen() {
        beast::error_code error;
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
        acceptor_.set_option(asio::socket_base::reuse_address(true), error);
        acceptor_.bind(endpoint, error);
        if (!error) {
            acceptor_.listen(asio::socket_base::max_listen_connections, error);
        }
        if (error) {
            return fail("cannot listen on " + shared_.options.host + ":" +
                        std::to_string(shared_.options.port) + ": " + error.message());
        }
        port_ = acceptor_.local_endpoint().port();
        accept();
        thread_ = std::thread([this] { shared_.io.run(); });
        return {};
    }

    [[nodiscard]] uint16_t port() const override { return port_; }

private:
    void accept() {
        acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
            if (error == asio::error::operation_aborted) {
                return;
            }
            if (!error && shared_.sessions.size() < shared_.options.connections_max) {
                const auto session = std::make_shared<Session>(shared_, std::move(socket));
                shared_.sessions.insert(session);
                session->read();
            }
            accept();
        });
    }

    Shared shared_;
    tcp::acceptor acceptor_;
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
