#include "serving/session_reply.h"

#include <boost/asio/post.hpp>
#include <cstdio>
#include <sstream>

#include "core/check.h"
#include "serving/http_session.h"

namespace assay {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

// Text of a chunk of the chunked transfer coding (RFC 9112, 7.1).
std::string chunk_of(const std::string& data) {
    char size[32];
    std::snprintf(size, sizeof(size), "%zx\r\n", data.size());
    return size + data + "\r\n";
}

}  // namespace

SessionReply::SessionReply(std::shared_ptr<HttpSession> session,
                           uint64_t request,
                           ReplyManner manner)
    : session_(std::move(session)), request_(request), manner_(manner) {
    ASSAY_CHECK(session_ != nullptr && request_ > 0);
}

void SessionReply::add_headers(HttpHeaders headers) {
    ASSAY_CHECK(state_ == State::kFresh);
    added_.insert(added_.end(), headers.begin(), headers.end());
}

void SessionReply::respond(int status,
                           std::string body,
                           std::string content_type,
                           HttpHeaders headers) {
    tell(State::kFresh, State::kComplete, whole(status, std::move(body), content_type, headers));
}

void SessionReply::start_stream(HttpHeaders headers) {
    http::response<http::empty_body> response{http::status::ok, 11};
    fill(response, headers);
    response.set(http::field::content_type, "text/event-stream");
    response.set(http::field::cache_control, "no-cache");
    response.set("X-Accel-Buffering", "no");  // proxies pass events on as they come
    if (manner_.chunks) {
        response.set(http::field::transfer_encoding, "chunked");
    }
    std::ostringstream text;
    text << response.base();
    tell(State::kFresh, State::kStreaming, text.str());
}

void SessionReply::send_event(std::string data) {
    const std::string event = "data: " + data + "\n\n";
    tell(State::kStreaming, State::kStreaming, manner_.chunks ? chunk_of(event) : event);
}

void SessionReply::finish() {
    tell(State::kStreaming, State::kComplete, manner_.chunks ? "0\r\n\r\n" : "");
}

void SessionReply::give_up(const std::string& error) {
    const State before = state_.exchange(State::kGivenUp);
    if (before == State::kFresh) {
        post(whole(500, error, "application/json", {}), true);
    } else if (before == State::kStreaming) {
        session_->give_up();
    }
}

void SessionReply::on_gone(std::function<void()> callback) {
    ASSAY_CHECK(callback != nullptr);
    asio::post(session_->io(),
               [session = session_, request = request_, callback = std::move(callback)] {
                   session->watch(request, callback);
               });
}

std::string SessionReply::whole(int status,
                                std::string body,
                                const std::string& content_type,
                                const HttpHeaders& headers) const {
    ASSAY_CHECK(status >= 200 && status < 600);
    http::response<http::string_body> response{static_cast<http::status>(status), 11};
    fill(response, headers);
    if (status != 204) {
        response.set(http::field::content_type, content_type);
    }
    response.body() = std::move(body);
    response.prepare_payload();
    std::ostringstream text;
    text << response.base();
    return manner_.head_only ? text.str() : text.str() + response.body();
}

template <typename Response>
void SessionReply::fill(Response& response, const HttpHeaders& headers) const {
    response.set(http::field::server, "assay");
    if (!manner_.keep_alive) {
        response.set(http::field::connection, "close");
    } else if (!manner_.chunks) {
        response.set(http::field::connection, "keep-alive");
    }
    for (const HttpHeaders& some : {added_, headers}) {
        for (const auto& [name, value] : some) {
            response.set(name, value);
        }
    }
}

// Says it, and is `after` then. What throws on the way has not been said.
void SessionReply::tell(State before, State after, std::string bytes) {
    const State now = state_;
    if (now == State::kGivenUp) {
        return;
    }
    ASSAY_CHECK_MSG(now == before, "answered twice, or an event outside its stream");
    post(std::move(bytes), after == State::kComplete);
    // Nobody comes between but the session that gives up.
    State expected = before;
    state_.compare_exchange_strong(expected, after);
}

void SessionReply::post(std::string bytes, bool last) {
    asio::post(session_->io(),
               [session = session_, request = request_, bytes = std::move(bytes), last]() mutable {
                   session->answer(request, std::move(bytes), last);
               });
}

}  // namespace assay
