// An HTTP/1.1 server: requests in, answers or event streams out. Boost.Beast stays in
// http_server.cpp.
//
// Knows no JSON and no model. One thread runs all connections; replies may be used from any thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace assay {

struct HttpRequest {
    std::string method;
    std::string path;  // without the query
    std::string body;
    std::string authorization;
    std::string request_id;  // X-Request-Id, "" if none
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The answer to one request. Exactly one of respond() or start_stream() .. finish() must follow.
class HttpReply {
public:
    virtual ~HttpReply() = default;
    // The whole answer at once; may be called on any thread.
    virtual void respond(int status,
                         std::string body,
                         std::string content_type,
                         HttpHeaders headers) = 0;
    // A server-sent event stream: each event becomes `data: ...\n\n`.
    virtual void start_stream(HttpHeaders headers) = 0;
    virtual void send_event(std::string data) = 0;
    virtual void finish() = 0;
    // Called once, on the server's thread, if the client goes away before the answer is complete.
    // Called at once if it is already gone.
    virtual void on_gone(std::function<void()> callback) = 0;
};

struct HttpOptions {
    std::string host = "127.0.0.1";
    uint16_t port = 0;  // 0: any free one
    uint64_t body_bytes_max = 4U << 20;
    int idle_seconds = 60;  // to send a request, and between requests
    size_t connections_max = 512;
};

class HttpServer {
public:
    using Handler = std::function<void(HttpRequest, std::shared_ptr<HttpReply>)>;

    // Listens at once; fails if the address cannot be bound. The handler runs on the server's
    // thread and must not block.
    static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, Handler handler);
    // Closes all connections and joins the thread.
    virtual ~HttpServer() = default;
    [[nodiscard]] virtual uint16_t port() const = 0;
};

}  // namespace assay
