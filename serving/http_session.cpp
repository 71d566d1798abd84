#include "serving/http_session.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <stdexcept>

#include "core/check.h"
#include "core/log.h"
#include "serving/session_reply.h"

namespace assay {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

constexpr size_t kAheadBytesMax = 64U << 10;  // of the next request, while one is answered
constexpr int kRequestTimes = 5;              // idle times that a whole request may take
constexpr int kProbeSeconds = 15;
static_assert(kRequestTimes > 1);  // a request may take longer than one of its parts

DurationMs seconds(int count) {
    return DurationMs{int64_t{1000} * count};
}

std::string refusal(int status, const std::string& message) {
    const char* type = status == 503   ? "unavailable_error"
                       : status >= 500 ? "server_error"
                                       : "invalid_request_error";
    return R"({"error":{"message":")" + message + R"(","type":")" + type +
           R"(","param":null,"code":null}})";
}

// Beast throws at a field of more than 64 KiB.
size_t put(http::request_parser<http::string_body>& parser,
           const std::string& bytes,
           beast::error_code& error) {
    try {
        return parser.put(asio::buffer(bytes), error);
    } catch (const std::length_error&) {
        error = http::error::header_limit;
        return 0;
    }
}

std::string value_of(const http::request<http::string_body>& message, const char* name) {
    return std::string(message[name]);
}

HttpRequest request_of(http::request<http::string_body>& message) {
    HttpRequest request;
    request.method = std::string(message.method_string());
    if (request.method == "HEAD") {
        request.method = "GET";
    }
    const std::string target(message.target());
    request.path = target.substr(0, target.find('?'));
    request.body = std::move(message.body());
    request.authorization = value_of(message, "Authorization");
    request.api_key = value_of(message, "X-Api-Key");
    if (request.api_key.empty()) {
        request.api_key = value_of(message, "api-key");
    }
    request.request_id = value_of(message, "X-Request-Id");
    request.origin = value_of(message, "Origin");
    request.asked_headers = value_of(message, "Access-Control-Request-Headers");
    return request;
}

// A client that closed, and whose machine never says so, is found by probes while it is answered.
void probe_when_silent(tcp::socket& socket) {
    beast::error_code ignored;
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    const int count = 4;
    const int fd = socket.native_handle();
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kProbeSeconds, sizeof(kProbeSeconds));
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kProbeSeconds, sizeof(kProbeSeconds));
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

}  // namespace

HttpSession::HttpSession(HttpShared& shared, tcp::socket socket, uint64_t number, bool spare)
    : shared_(shared), socket_(std::move(socket)), number_(number), spare_(spare) {}

// Whatever a handler throws ends this connection, and no other.
template <typename Body>
void HttpSession::guarded(Body body) {
    ASSAY_CHECK(shared_.owner.is_here());
    try {
        if (!closed_) {
            body();
        }
    } catch (const std::exception& error) {
        log_error(std::string("a connection was closed: ") + error.what());
        gone();
    }
}

void HttpSession::start() {
    guarded([this] {
        beast::error_code ignored;
        socket_.set_option(tcp::no_delay(true), ignored);
        probe_when_silent(socket_);
        next_request();
    });
}

// Read, answered, and read again or hung up on.
void HttpSession::enter(Phase phase) {
    const bool reads_on = phase_ == Phase::kAnswering && last_queued_ && keep_alive_;
    const bool may_follow = phase == Phase::kReading     ? reads_on || request_ == 0
                            : phase == Phase::kAnswering ? phase_ == Phase::kReading
                                                         : phase_ == Phase::kAnswering;
    ASSAY_CHECK(!closed_ && may_follow);
    phase_ = phase;
}

void HttpSession::next_request() {
    enter(Phase::kReading);
    last_queued_ = false;
    on_gone_ = nullptr;
    begun_ = false;
    head_accepted_ = false;
    parser_.emplace();
    parser_->header_limit(shared_.options.header_bytes_max);
    parser_->body_limit(shared_.options.body_bytes_max);
    request_until_ = shared_.options.now() + seconds(kRequestTimes * shared_.options.idle_seconds);
    allow_reading();
    parse();
}

// Another idle time for the next part; a trickle ends all the same.
void HttpSession::allow_reading() {
    read_until_ =
        std::min(shared_.options.now() + seconds(shared_.options.idle_seconds), request_until_);
}

// Robust servers ignore them in front of a request line (RFC 9112, 2.2).
void HttpSession::skip_empty_lines() {
    if (!begun_) {
        received_.erase(0, std::min(received_.find_first_not_of("\r\n"), received_.size()));
        begun_ = !received_.empty();
    }
}

void HttpSession::parse() {
    ASSAY_CHECK(phase_ == Phase::kReading && parser_.has_value());
    skip_empty_lines();
    while (!received_.empty() && !parser_->is_done()) {
        beast::error_code error;
        received_.erase(0, put(*parser_, received_, error));
        const bool starved = error == http::error::need_more;
        if (error && !starved) {
            refuse_bytes(error);
            return;
        }
        if (parser_->is_header_done() && !head_accepted_) {
            head_accepted_ = true;
            if (!accept_head()) {
                return;
            }
        }
        if (starved) {
            break;
        }
    }
    if (parser_->is_done()) {
        handle();
    } else if (input_ended_) {
        input_ended();
    } else {
        receive();
    }
}

// Some clients send no body before they are asked to.
bool HttpSession::accept_head() {
    const auto& message = parser_->get();
    const auto expect = message[http::field::expect];
    if (expect.empty() || message.version() < 11) {
        return true;
    }
    if (!beast::iequals(expect, "100-continue")) {
        refuse(417, "the only expectation that is met is 100-continue");
        return false;
    }
    if (!parser_->is_done()) {
        queue("HTTP/1.1 100 Continue\r\n\r\n");
    }
    return !closed_;
}

void HttpSession::refuse_bytes(beast::error_code error) {
    if (error == http::error::header_limit) {
        refuse(431, "the headers are too large; 64 KiB are read");
    } else if (error == http::error::body_limit || error == http::error::buffer_overflow) {
        refuse(413, "the body is too large");
    } else {
        refuse(400, "malformed HTTP request");
    }
}

void HttpSession::refuse(int status, const std::string& message) {
    enter(Phase::kAnswering);
    read_until_.reset();
    keep_alive_ = false;
    const bool head_only = parser_->is_header_done() && parser_->get().method() == http::verb::head;
    SessionReply(shared_from_this(), ++request_, {false, true, head_only})
        .respond(status,
                 refusal(status, message),
                 "application/json",
                 status == 503 ? HttpHeaders{{"Retry-After", "1"}} : HttpHeaders{});
}

void HttpSession::handle() {
    http::request<http::string_body> message = parser_->release();
    const ReplyManner manner{message.keep_alive() && !spare_,
                             message.version() >= 11,
                             message.method() == http::verb::head};
    HttpRequest request = request_of(message);
    const std::vector<std::string>& always = shared_.options.always_answered;
    if (spare_ && std::find(always.begin(), always.end(), request.path) == always.end()) {
        refuse(503, "too many connections are open; try again in a moment");
        return;
    }
    enter(Phase::kAnswering);
    read_until_.reset();
    keep_alive_ = manner.keep_alive;
    const auto reply = std::make_shared<SessionReply>(shared_from_this(), ++request_, manner);
    try {
        shared_.handler(std::move(request), reply);
    } catch (const std::exception& error) {
        log_error(std::string("a request failed: ") + error.what());
        reply->give_up(refusal(500, "the server failed"));
    }
    if (closed_) {
        return;
    }
    if (input_ended_) {
        await_hang_up();
    } else {
        receive();
    }
}

void HttpSession::receive() {
    const bool full = phase_ == Phase::kAnswering && received_.size() >= kAheadBytesMax;
    if (closed_ || receiving_ || input_ended_ || full) {
        return;
    }
    receiving_ = true;
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](beast::error_code error, size_t count) {
                                self->receiving_ = false;
                                self->guarded([&] { self->received(error, count); });
                            });
}

void HttpSession::received(beast::error_code error, size_t count) {
    ASSAY_CHECK_LE(count, chunk_.size());
    if (error == asio::error::eof) {
        input_ended_ = true;
        input_ended();
    } else if (error) {
        gone();
    } else if (phase_ == Phase::kLingering) {
        receive();  // and forget it
    } else if (phase_ == Phase::kAnswering) {
        received_.append(chunk_.data(), count);
        ASSAY_CHECK_LE(received_.size(), kAheadBytesMax + chunk_.size());
        receive();
    } else {
        received_.append(chunk_.data(), count);
        if (!begun_) {
            request_until_ =
                shared_.options.now() + seconds(kRequestTimes * shared_.options.idle_seconds);
        }
        allow_reading();
        parse();
    }
}

// The client sends no more. It may still read: what it asked is answered.
void HttpSession::input_ended() {
    if (phase_ == Phase::kAnswering) {
        await_hang_up();
    } else if (phase_ == Phase::kReading && begun_) {
        refuse(400, "the request ends before it is complete");
    } else {
        close();
    }
}

// A closed connection looks like one that is half closed until it answers what it gets with a
// reset.
void HttpSession::await_hang_up() {
    socket_.async_wait(tcp::socket::wait_error,
                       [self = shared_from_this()](beast::error_code error) {
                           if (!error) {
                               self->guarded([&] { self->gone(); });
                           }
                       });
}

void HttpSession::watch(uint64_t request, std::function<void()> callback) {
    ASSAY_CHECK(shared_.owner.is_here() && request > 0 && request <= request_);
    if (closed_ || request != request_) {
        callback();
    } else if (phase_ == Phase::kAnswering) {
        ASSAY_CHECK(on_gone_ == nullptr);  // one for each request
        on_gone_ = std::move(callback);
    }
}

void HttpSession::gone() {
    if (on_gone_) {
        std::exchange(on_gone_, nullptr)();
    }
    close();
}

void HttpSession::answer(uint64_t request, std::string bytes, bool last) {
    guarded([&] {
        if (request != request_ || phase_ != Phase::kAnswering || last_queued_) {
            return;
        }
        last_queued_ = last;
        if (!last && unsent_.size() + bytes.size() > shared_.options.unsent_bytes_max) {
            gone();
            return;
        }
        queue(std::move(bytes));
        ASSAY_CHECK(last || unsent_.size() <= shared_.options.unsent_bytes_max);
    });
}

void HttpSession::queue(std::string bytes) {
    if (unsent_.empty()) {
        unsent_ = std::move(bytes);
    } else {
        unsent_ += bytes;
    }
    if (writing_.empty()) {
        written({}, 0);
    }
}

void HttpSession::write_some() {
    ASSAY_CHECK_LT(written_, writing_.size());
    write_until_ = shared_.options.now() + seconds(shared_.options.write_seconds);
    socket_.async_write_some(asio::buffer(writing_.data() + written_, writing_.size() - written_),
                             [self = shared_from_this()](beast::error_code error, size_t count) {
                                 self->guarded([&] { self->written(error, count); });
                             });
}

void HttpSession::written(beast::error_code error, size_t count) {
    if (error) {
        gone();
        return;
    }
    ASSAY_CHECK_LE(count, writing_.size() - written_);
    written_ += count;
    if (written_ == writing_.size()) {
        writing_ = std::exchange(unsent_, "");
        written_ = 0;
    }
    if (!writing_.empty()) {
        write_some();
        return;
    }
    ASSAY_CHECK(unsent_.empty());
    write_until_.reset();
    if (last_queued_ && phase_ == Phase::kAnswering) {
        answered();
    }
}

void HttpSession::answered() {
    on_gone_ = nullptr;
    if (keep_alive_) {
        next_request();
    } else {
        linger();
    }
}

// Closed at once, with bytes unread, the kernel would take back what the client has not read yet.
void HttpSession::linger() {
    enter(Phase::kLingering);
    beast::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    if (input_ended_) {
        close();
        return;
    }
    received_.clear();
    read_until_ = shared_.options.now() + seconds(shared_.options.linger_seconds);
    receive();
}

void HttpSession::check_time(Instant now) {
    if ((read_until_ && now >= *read_until_) || (write_until_ && now >= *write_until_)) {
        guarded([this] { gone(); });
    }
}

void HttpSession::give_up() {
    guarded([this] { gone(); });
}

void HttpSession::close() {
    ASSAY_CHECK(shared_.owner.is_here());
    if (closed_) {
        return;
    }
    closed_ = true;
    on_gone_ = nullptr;
    beast::error_code ignored;
    socket_.close(ignored);
    ASSAY_CHECK_EQ(shared_.sessions.erase(number_), size_t{1});
}

}  // namespace assay
