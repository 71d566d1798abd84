// The reply to one request of an HttpSession, as the application holds it.
//
// Written on any thread, one at a time; what is said goes to the session's thread. Nothing happens
// once the session has given the request up.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "serving/http_server.h"

namespace assay {

class HttpSession;

// How the client of one request wants its answer.
struct ReplyManner {
    bool keep_alive = true;
    bool chunks = true;  // HTTP/1.0 knows none: a stream ends with the connection
    bool head_only = false;
};

class SessionReply : public HttpReply {
public:
    // `request`: its number among those of the session.
    SessionReply(std::shared_ptr<HttpSession> session, uint64_t request, ReplyManner manner);

    void add_headers(HttpHeaders headers) override;
    void respond(int status,
                 std::string body,
                 std::string content_type,
                 HttpHeaders headers) override;
    void start_stream(HttpHeaders headers) override;
    void send_event(std::string data) override;
    void finish() override;
    void on_gone(std::function<void()> callback) override;

    // The application threw: nothing that it may still say is heard. `error` is the answer where
    // none has begun; a stream ends with its connection; what is complete stays. The session's
    // thread.
    void give_up(const std::string& error);

private:
    // Goes forward only: whole at once, or begun, and complete once.
    enum class State : uint8_t { kFresh, kStreaming, kComplete, kGivenUp };

    [[nodiscard]] std::string whole(int status,
                                    std::string body,
                                    const std::string& content_type,
                                    const HttpHeaders& headers) const;
    template <typename Response>
    void fill(Response& response, const HttpHeaders& headers) const;
    void tell(State before, State after, std::string bytes);
    void post(std::string bytes, bool last);

    std::shared_ptr<HttpSession> session_;
    uint64_t request_;
    ReplyManner manner_;
    HttpHeaders added_;
    std::atomic<State> state_{State::kFresh};
};

}  // namespace assay
