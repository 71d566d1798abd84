// The HTTP server alone, with a made-up application: real clients, bad clients, and time limits.

#include <fcntl.h>
#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <stdexcept>

#include "serving/http_server.h"
#include "tests/serving/http_client.h"

namespace assay {
namespace {

constexpr const char* kGet = "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kStream = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";

// What is asked under a path is answered at once; /hold keeps its replies for the test.
class Application {
public:
    explicit Application(HttpOptions options = {}) {
        options.always_answered = {"/health"};
        Result<std::unique_ptr<HttpServer>> server = HttpServer::start(
            options, [this](const HttpRequest& request, const std::shared_ptr<HttpReply>& reply) {
                answer(request, reply);
            });
        REQUIRE(server.ok());
        server_ = std::move(*server);
    }
    ~Application() {
        held_.clear();
        server_.reset();
    }
    [[nodiscard]] uint16_t port() const { return server_->port(); }
    [[nodiscard]] int gone() const { return gone_; }
    [[nodiscard]] int asked() const { return asked_; }

    // The reply that /hold keeps; waits for it.
    std::shared_ptr<HttpReply> held() {
        std::shared_ptr<HttpReply> reply;
        REQUIRE(eventually([&] {
            const std::lock_guard<std::mutex> lock(mutex_);
            reply = held_.empty() ? nullptr : held_.back();
            return reply != nullptr;
        }));
        return reply;
    }

private:
    void answer(const HttpRequest& request, const std::shared_ptr<HttpReply>& reply) {
        ++asked_;
        reply->on_gone([this] { ++gone_; });
        if (request.path == "/stream") {
            reply->start_stream({});
            for (int i = 0; i < 4; ++i) {
                reply->send_event("event " + std::to_string(i));
            }
            reply->finish();
        } else if (request.path == "/flood") {
            reply->start_stream({});
            for (int i = 0; i < 64; ++i) {
                reply->send_event(std::string(1U << 20, 'x'));
            }
            reply->finish();
        } else if (request.path == "/throws") {
            throw std::runtime_error("this application fails");
        } else if (request.path == "/throws/streaming") {
            reply->start_stream({});
            reply->send_event("the only one");
            throw std::runtime_error("this stream fails");
        } else if (request.path == "/throws/answered") {
            reply->respond(200, "all of it", "text/plain", {});
            throw std::runtime_error("too late to matter");
        } else if (request.path == "/hold") {
            const std::lock_guard<std::mutex> lock(mutex_);
            held_.push_back(reply);
        } else if (request.path == "/large") {
            reply->respond(200, std::string(64U << 20, 'x'), "text/plain", {});
        } else {
            reply->respond(200, request.method + " " + request.body, "text/plain", {});
        }
    }

    std::atomic<int> gone_{0};
    std::atomic<int> asked_{0};
    std::mutex mutex_;
    std::vector<std::shared_ptr<HttpReply>> held_;
    std::unique_ptr<HttpServer> server_;
};

// Time that stands still until a test moves it.
class StillTime {
public:
    [[nodiscard]] std::function<Instant()> now() {
        return [this] { return Instant{ms_}; };
    }
    void pass_seconds(int64_t seconds) { ms_ += 1000 * seconds; }

private:
    std::atomic<int64_t> ms_{0};
};

std::string all_of(uint16_t port, const std::string& bytes) {
    HttpTestClient client(port);
    client.send(bytes);
    client.end_input();
    return client.rest();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

void check_alive(uint16_t port) {
    HttpTestClient client(port);
    client.send(kGet);
    CHECK(client.answer().status == 200);
}

TEST_CASE("a client may hang up at every byte of an answer and of a stream", "[serving][http]") {
    const Application application;
    for (const char* request : {kGet, kStream}) {
        const size_t whole = all_of(application.port(), request).size();
        REQUIRE(whole > 80);
        for (size_t bytes = 0; bytes <= whole; ++bytes) {
            for (const bool reset : {false, true}) {
                HttpTestClient client(application.port());
                client.send(request);
                REQUIRE(client.read_exactly(bytes));
                client.hang_up(reset);
            }
        }
        check_alive(application.port());
    }
}

TEST_CASE("a client may hang up at every byte of its request", "[serving][http]") {
    const Application application;
    const std::string request =
        "POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\nhello, world";
    for (size_t bytes = 0; bytes <= request.size(); ++bytes) {
        for (const bool reset : {false, true}) {
            HttpTestClient client(application.port());
            client.send(request.substr(0, bytes));
            client.hang_up(reset);
        }
        const std::string answer = all_of(application.port(), request.substr(0, bytes));
        const bool nothing_asked = bytes == 0;
        INFO(bytes << " bytes: " << answer);
        CHECK(answer.empty() == nothing_asked);
        CHECK((nothing_asked || has(answer, bytes < request.size() ? " 400 " : " 200 ")));
    }
    check_alive(application.port());
}

TEST_CASE("who has sent all, and says so, is answered", "[serving][http]") {
    const Application application;
    CHECK(has(all_of(application.port(), kGet), "GET "));
    const std::string stream = all_of(application.port(), kStream);
    CHECK(has(stream, "event 3"));
    CHECK(stream.substr(stream.size() - 5) == "0\r\n\r\n");
    Application slow;
    HttpTestClient client(slow.port());
    client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    client.end_input();
    const std::shared_ptr<HttpReply> reply = slow.held();
    check_alive(slow.port());  // by now the end of the input was seen
    reply->respond(200, "late", "text/plain", {});
    CHECK(client.answer().body == "late");
    CHECK(slow.gone() == 0);
}

TEST_CASE("a reset ends what is answered, half closed before or not", "[serving][http]") {
    for (const bool half_closed : {false, true}) {
        Application application;
        HttpTestClient client(application.port());
        client.send("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
        application.held();
        if (half_closed) {
            client.end_input();
            check_alive(application.port());
        }
        client.hang_up(true);
        CHECK(eventually([&] { return application.gone() == 1; }));
    }
}

TEST_CASE("HEAD is GET without a body", "[serving][http]") {
    const Application application;
    const std::string head = all_of(application.port(), "HEAD /plain HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(has(head, "Content-Length: 4\r\n"));
    CHECK(head.substr(head.size() - 4) == "\r\n\r\n");
    HttpTestClient client(application.port());
    client.send(std::string("HEAD /plain HTTP/1.1\r\nHost: x\r\n\r\n") + kGet);
    REQUIRE(client.await("\r\n\r\nHTTP/1.1 200"));
    CHECK(client.await("GET "));
}

TEST_CASE("a body that waits is asked for, once its length is allowed", "[serving][http]") {
    HttpOptions options;
    options.body_bytes_max = 100;
    const Application application(options);
    const std::string head = "POST /plain HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n";
    HttpTestClient client(application.port());
    client.send(head + "Content-Length: 5\r\n\r\n");
    REQUIRE(client.await("HTTP/1.1 100 Continue\r\n\r\n"));
    client.send("hello");
    CHECK(client.await("POST hello"));
    HttpTestClient large(application.port());
    large.send(head + "Content-Length: 101\r\n\r\n");
    CHECK(large.answer().status == 413);
    HttpTestClient strange(application.port());
    strange.send("POST /plain HTTP/1.1\r\nHost: x\r\nExpect: more\r\nContent-Length: 1\r\n\r\n");
    CHECK(strange.answer().status == 417);
    const std::string hasty = all_of(application.port(), head + "Content-Length: 5\r\n\r\nhello");
    CHECK(hasty.substr(0, 37) == "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200");
    const std::string older =
        all_of(application.port(),
               "POST /plain HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello");
    CHECK(older.substr(0, 12) == "HTTP/1.1 200");
}

TEST_CASE("empty lines in front of a request are skipped", "[serving][http]") {
    const Application application;
    const std::string two =
        all_of(application.port(), std::string("\r\n\n") + kGet + "\r\n" + kGet + "\r\n");
    CHECK(two.find("200 OK") != two.rfind("200 OK"));
    CHECK_FALSE(has(two, "400"));
}

TEST_CASE("HTTP/1.0 gets streams without chunks, and keeps its connection if it asks",
          "[serving][http]") {
    const Application application;
    const std::string stream = all_of(application.port(), "GET /stream HTTP/1.0\r\n\r\n");
    CHECK_FALSE(has(stream, "chunked"));
    CHECK(has(stream, "\r\n\r\ndata: event 0\n\ndata: event 1\n\n"));
    CHECK(stream.substr(stream.size() - 9) == "event 3\n\n");
    HttpTestClient once(application.port());
    once.send("GET /plain HTTP/1.0\r\n\r\n");
    CHECK(has(once.rest(), "Connection: close\r\n"));
    HttpTestClient kept(application.port());
    for (int turn = 0; turn < 2; ++turn) {
        kept.send("GET /plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const HttpAnswer answer = kept.answer();
        CHECK(answer.status == 200);
        CHECK(has(answer.head, "Connection: keep-alive\r\n"));
    }
}

TEST_CASE("64 KiB of headers are read, more are refused in words", "[serving][http]") {
    const Application application;
    const auto with_header = [](size_t bytes) {
        return "GET /plain HTTP/1.1\r\nHost: x\r\nCookie: " + std::string(bytes, 'c') + "\r\n\r\n";
    };
    CHECK(has(all_of(application.port(), with_header((64U << 10) - 40)), " 200 "));
    for (const size_t bytes : {size_t{65} << 10, size_t{80} << 10, size_t{1} << 20}) {
        HttpTestClient client(application.port());
        client.send(with_header(bytes));
        CHECK(client.answer().status == 431);
    }
    HttpTestClient endless(application.port());
    endless.send("GET /" + std::string(1U << 20, 'a'));
    CHECK(endless.answer().status == 431);
}

TEST_CASE("an answer is read in full by a client that still sends", "[serving][http]") {
    HttpOptions options;
    options.body_bytes_max = 1000;
    const Application application(options);
    HttpTestClient client(application.port());
    client.send("POST /plain HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n");
    client.send(std::string(4000000, 'b'));
    client.send(std::string(4000000, 'b'));
    CHECK(client.answer().status == 413);
}

TEST_CASE("an exception in the application ends its request only", "[serving][http]") {
    const Application application;
    HttpTestClient other(application.port());
    other.send(kGet);
    CHECK(other.answer().status == 200);
    HttpTestClient client(application.port());
    client.send("GET /throws HTTP/1.1\r\nHost: x\r\n\r\n");
    const HttpAnswer answer = client.answer();
    CHECK(answer.status == 500);
    CHECK(answer.json()["error"]["type"] == "server_error");
    other.send(kGet);
    CHECK(other.answer().status == 200);
}

TEST_CASE("an exception behind the beginning of an answer adds nothing to it", "[serving][http]") {
    const Application application;
    HttpTestClient streaming(application.port());
    streaming.send("GET /throws/streaming HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string stream = streaming.rest();  // ends, and not as a stream that is complete
    CHECK_FALSE(has(stream, "500"));
    CHECK_FALSE(has(stream, "0\r\n\r\n"));
    CHECK(eventually([&] { return application.gone() == 1; }));
    HttpTestClient answered(application.port());
    answered.send("GET /throws/answered HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(answered.answer().body == "all of it");
    answered.send(kGet);
    CHECK(answered.answer().status == 200);
}

TEST_CASE("beyond the limit of connections 503 is said, and health still answered",
          "[serving][http]") {
    HttpOptions options;
    options.connections_max = 2;
    options.spare_connections_max = 3;
    const Application application(options);
    auto first = std::make_unique<HttpTestClient>(application.port());
    HttpTestClient second(application.port());
    for (HttpTestClient* client : {first.get(), &second}) {
        client->send(kGet);
        CHECK(client->answer().status == 200);
    }
    std::vector<std::unique_ptr<HttpTestClient>> silent;
    for (int i = 0; i < 20; ++i) {
        silent.push_back(std::make_unique<HttpTestClient>(application.port()));
        HttpTestClient refused(application.port());
        refused.send(kGet);
        const HttpAnswer answer = refused.answer();
        CHECK(answer.status == 503);
        CHECK(has(answer.head, "Retry-After: 1\r\n"));
        HttpTestClient health(application.port());
        health.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK(health.answer().status == 200);
    }
    second.send(kGet);
    CHECK(second.answer().status == 200);
    first.reset();
    CHECK(eventually([&] {
        HttpTestClient client(application.port());
        client.send(kGet);
        return client.answer().status == 200;
    }));
}

TEST_CASE("who sends nothing, and who trickles, is hung up on", "[serving][http]") {
    StillTime time;
    HttpOptions options;
    options.now = time.now();
    options.idle_seconds = 60;
    const Application application(options);
    HttpTestClient idle(application.port());
    HttpTestClient trickle(application.port());
    trickle.send("GET /pl");
    idle.send(kGet);
    CHECK(idle.answer().status == 200);
    check_alive(application.port());
    time.pass_seconds(59);
    trickle.send("a");
    HttpTestClient late(application.port());
    late.send(kGet);
    CHECK(late.answer().status == 200);
    time.pass_seconds(2);
    CHECK(idle.rest().empty());
    for (int i = 0; i < 8; ++i) {
        trickle.send_anyway("x");
        check_alive(application.port());
        time.pass_seconds(50);
        check_alive(application.port());
    }
    CHECK(trickle.rest().empty());
}

TEST_CASE("who does not read is hung up on, and an answer may take as long as it is read",
          "[serving][http]") {
    StillTime time;
    HttpOptions options;
    options.now = time.now();
    options.write_seconds = 30;
    const Application application(options);
    HttpTestClient stalls(application.port());
    stalls.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    HttpTestClient reads(application.port());
    reads.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(stalls.await("200 OK"));
    for (int i = 0; i < 4; ++i) {
        REQUIRE(reads.read_exactly(16U << 20));
        check_alive(application.port());
        time.pass_seconds(20);
        check_alive(application.port());
    }
    CHECK(reads.read_exactly(50));  // the head is longer than that
    CHECK(eventually([&] { return application.gone() >= 1; }));
    CHECK(stalls.rest().size() < 64U << 20);
}

TEST_CASE("a stream that nobody reads is kept within bounds", "[serving][http]") {
    HttpOptions options;
    options.unsent_bytes_max = 8U << 20;
    const Application application(options);
    HttpTestClient client(application.port());
    client.send("GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(eventually([&] { return application.gone() == 1; }));
    check_alive(application.port());
}

TEST_CASE("a connection that there is no descriptor for waits until there is one",
          "[serving][http]") {
    const Application application;
    check_alive(application.port());
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit few = before;
    few.rlim_cur = 200;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    std::vector<int> taken;
    for (int fd = 0; fd >= 0;) {
        fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        taken.push_back(fd);
    }
    taken.pop_back();
    ::close(taken.back());
    taken.pop_back();
    HttpTestClient client(application.port());  // takes the last one: none is left to accept it
    client.send(kGet);
    for (const int fd : taken) {
        ::close(fd);
    }
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(client.answer().status == 200);
}

}  // namespace
}  // namespace assay
