// An HTTP/1.1 server: requests in, answers or event streams out. Boost.Beast stays in
// http_session.h and the three files that include it.
//
// Knows no JSON beyond its own refusals, and no model. One thread runs all connections; replies may
// be used from any thread. Nothing that a client does ends more than its own connection.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace assay {

struct HttpRequest {
    std::string method;  // HEAD comes as GET: the server leaves the body out
    std::string path;    // without the query
    std::string body;
    std::string authorization;
    std::string api_key;     // X-Api-Key, or api-key
    std::string request_id;  // X-Request-Id, "" if none
    std::string origin;
    std::string asked_headers;  // Access-Control-Request-Headers
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The answer to one request. Exactly one of respond() or start_stream() .. finish() must follow.
class HttpReply {
public:
    virtual ~HttpReply() = default;
    // Headers of whatever is answered. Before respond() and start_stream().
    virtual void add_headers(HttpHeaders headers) = 0;
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
    // Called at once if it is already gone. Who has only ended what it sends is not gone.
    virtual void on_gone(std::function<void()> callback) = 0;
};

struct HttpOptions {
    std::string host = "127.0.0.1";
    uint16_t port = 0;  // 0: any free one
    uint64_t body_bytes_max = 4U << 20;
    uint32_t header_bytes_max = 66U << 10;  // 64 KiB, and the request line with a few small ones
    uint64_t unsent_bytes_max = 32U << 20;  // of a stream whose client does not read
    int idle_seconds = 60;                  // to send a request's next part, and between requests
    int write_seconds = 60;                 // for the client to take anything of what is sent
    int linger_seconds = 5;  // for the client to read a last answer while it still sends
    size_t connections_max = 512;
    size_t spare_connections_max = 64;         // beyond those: told 503
    std::vector<std::string> always_answered;  // paths that are answered beyond the limit too
    std::function<Instant()> now;              // for the time limits; empty: the steady clock
};

class HttpServer {
public:
    using Handler = std::function<void(HttpRequest, std::shared_ptr<HttpReply>)>;

    // Listens at once; fails if the address cannot be bound. The handler runs on the server's
    // thread and must not block; if it throws, its request is answered with 500.
    static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, Handler handler);
    // Closes all connections and joins the thread.
    virtual ~HttpServer() = default;
    [[nodiscard]] virtual uint16_t port() const = 0;
};

}  // namespace assay
