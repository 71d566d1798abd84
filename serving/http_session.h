// One connection of the HTTP server. Only http_server.cpp, session_reply.cpp and its own .cpp
// include this.
//
// Reads on while an answer is being made: so it learns that a client went away, and what it sends
// next waits in a bounded buffer. All members are touched on the server's thread only. Every call
// into the socket takes an error code: that a client closed it is no exception.

#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <optional>

#include "core/owner_thread.h"
#include "serving/http_server.h"

namespace assay {

class HttpSession;

// What all sessions share; lives on the server's thread.
struct HttpShared {
    HttpOptions options;
    HttpServer::Handler handler;
    boost::asio::io_context io;
    std::map<uint64_t, std::shared_ptr<HttpSession>> sessions;  // by age
    OwnerThread owner;                                          // the server's, of all sessions
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
public:
    // `spare`: beyond the limit of connections; told so, unless it asks what is always answered.
    HttpSession(HttpShared& shared,
                boost::asio::ip::tcp::socket socket,
                uint64_t number,
                bool spare);

    // Reads the first request. REQUIRES: HttpShared knows this session.
    void start();
    // Forgets whatever is under way; once closed nothing more happens here.
    void close();
    // Ends what its client has let stand for too long.
    void check_time(Instant now);
    [[nodiscard]] bool is_spare() const { return spare_; }

    // For the reply to request number `request`; nothing happens once that one is over.
    void answer(uint64_t request, std::string bytes, bool last);
    void watch(uint64_t request, std::function<void()> callback);
    [[nodiscard]] boost::asio::io_context& io() { return shared_.io; }
    // Ends the connection, whatever has been answered.
    void give_up();

private:
    enum class Phase : uint8_t { kReading, kAnswering, kLingering };

    template <typename Body>
    void guarded(Body body);
    void enter(Phase phase);
    void next_request();
    void parse();
    void skip_empty_lines();
    bool accept_head();
    void handle();
    void refuse(int status, const std::string& message);
    void refuse_bytes(boost::beast::error_code error);
    void receive();
    void received(boost::beast::error_code error, size_t count);
    void input_ended();
    void await_hang_up();
    void allow_reading();
    void queue(std::string bytes);
    void write_some();
    void written(boost::beast::error_code error, size_t count);
    void answered();
    void linger();
    void gone();

    HttpShared& shared_;
    boost::asio::ip::tcp::socket socket_;
    const uint64_t number_;
    const bool spare_;
    Phase phase_ = Phase::kReading;
    bool closed_ = false;

    std::array<char, 16384> chunk_{};
    std::string received_;  // and not parsed yet
    bool receiving_ = false;
    bool input_ended_ = false;
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    bool begun_ = false;  // something of the next request has come
    bool head_accepted_ = false;
    Instant request_until_;
    std::optional<Instant> read_until_;

    uint64_t request_ = 0;
    bool keep_alive_ = true;
    bool last_queued_ = false;
    std::function<void()> on_gone_;
    std::string unsent_;
    std::string writing_;  // empty: no write is under way
    size_t written_ = 0;
    std::optional<Instant> write_until_;
};

}  // namespace assay
