// The HTTP service over loopback sockets, with a tiny random model.

#include "serving/service.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "core/rng.h"

namespace assay {
namespace {

Snapshot tiny_snapshot(uint64_t seed) {
    Snapshot snapshot;
    snapshot.shape.vocab = 300;
    snapshot.shape.width = 16;
    snapshot.shape.layers = 1;
    snapshot.shape.heads = 2;
    snapshot.shape.kv_heads = 1;
    snapshot.shape.head_width = 8;
    snapshot.shape.ffn_width = 24;
    snapshot.shape.context = 64;
    snapshot.theta = initial_parameters(snapshot.shape, derive_seed(Digest{}, "serve", {seed}));
    return snapshot;
}

std::unique_ptr<Service> start_service(std::vector<std::string> keys = {}) {
    ServiceOptions options;
    options.api_keys = std::move(keys);
    Result<std::unique_ptr<Service>> service = Service::start(
        options, Tokenizer::bytes_only(), std::make_shared<DecoderModel>(tiny_snapshot(1)));
    REQUIRE(service.ok());
    return std::move(*service);
}

class Client {
public:
    explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        timeval timeout{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    }
    ~Client() { ::close(fd_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void send(const std::string& text) const {
        REQUIRE(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(text.size()));
    }
    // Until the server closes, or `stop` was read.
    [[nodiscard]] std::string read(const std::string& stop = "") const {
        std::string all;
        char buffer[4096];
        ssize_t got = 0;
        while ((stop.empty() || all.find(stop) == std::string::npos) &&
               (got = ::recv(fd_, buffer, sizeof(buffer), 0)) > 0) {
            all.append(buffer, static_cast<size_t>(got));
        }
        return all;
    }

private:
    int fd_;
};

std::string request_text(const std::string& method,
                         const std::string& path,
                         const std::string& body,
                         const std::string& more = "") {
    return method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + more +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string ask(const Service& service,
                const std::string& method,
                const std::string& path,
                const std::string& body = "",
                const std::string& more = "") {
    const Client client(service.port());
    client.send(request_text(method, path, body, more));
    return client.read();
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE("completions, chat, streams and the small routes answer", "[serving]") {
    const auto service = start_service();
    CHECK(has(ask(*service, "GET", "/health"), "\"ok\""));
    CHECK(has(ask(*service, "GET", "/v1/models"), "\"id\":\"assay\""));
    const std::string body =
        R"({"model":"assay","prompt":"abc","max_tokens":8,"seed":3,"n":2,"logprobs":1})";
    const std::string answer = ask(*service, "POST", "/v1/completions", body);
    CHECK(has(answer, "200 OK"));
    CHECK(has(answer, "\"index\":1"));
    CHECK(has(answer, "\"prompt_tokens\":3"));
    const std::string chat = ask(*service,
                                 "POST",
                                 "/v1/chat/completions",
                                 R"({"model":"assay","messages":[{"role":"user","content":"x"}],
                                     "max_tokens":4,"stream":true,
                                     "stream_options":{"include_usage":true}})");
    CHECK(has(chat, "text/event-stream"));
    CHECK(has(chat, "\"role\":\"assistant\""));
    CHECK(has(chat, "\"finish_reason\":\"length\""));
    CHECK(has(chat, "\"usage\""));
    CHECK(has(chat, "data: [DONE]"));
    CHECK(has(ask(*service, "POST", "/tokenize", R"({"prompt":"ab"})"), "\"count\":2"));
    CHECK(has(ask(*service, "POST", "/detokenize", R"({"tokens":[]})"), "\"prompt\":\"\""));
    CHECK(has(ask(*service, "GET", "/metrics"), "assay_request_success_total"));
}

TEST_CASE("errors have OpenAI's shape and name what is wrong", "[serving]") {
    const auto service = start_service({"right"});
    const std::string key = "Authorization: Bearer right\r\n";
    CHECK(has(ask(*service, "GET", "/v1/models"), "401"));
    CHECK(has(ask(*service, "GET", "/v1/models", "", "Authorization: Bearer wrong\r\n"),
              "invalid_api_key"));
    CHECK(has(ask(*service, "GET", "/health"), "200"));
    CHECK(has(ask(*service, "POST", "/v1/completions", "{", key), "400"));
    CHECK(has(ask(*service, "POST", "/v1/completions", R"({"model":"x","prompt":"a"})", key),
              "model_not_found"));
    CHECK(has(ask(*service, "GET", "/nothing", "", key), "404"));
    CHECK(has(ask(*service, "DELETE", "/v1/models", "", key), "405"));
    const std::string longest = std::string(64, 'a');
    CHECK(has(ask(*service,
                  "POST",
                  "/v1/completions",
                  R"({"model":"assay","prompt":")" + longest + R"("})",
                  key),
              "context_length_exceeded"));
    CHECK(has(ask(*service,
                  "POST",
                  "/v1/completions",
                  R"({"model":"assay","prompt":"a","temperature":3})",
                  key),
              "\"param\":\"temperature\""));
}

TEST_CASE("a seed gives the same text, streamed or not, alone or among others", "[serving]") {
    const auto service = start_service();
    const std::string one =
        R"({"model":"assay","prompt":"seed","max_tokens":12,"seed":5,"logprobs":0})";
    const auto text_of = [](const std::string& answer) {
        const size_t at = answer.find("\"tokens\":[");
        return answer.substr(at, answer.find(']', at) - at);
    };
    const std::string first = text_of(ask(*service, "POST", "/v1/completions", one));
    CHECK(first.size() > 20);
    const Client busy(service->port());
    busy.send(request_text(
        "POST", "/v1/completions", R"({"model":"assay","prompt":"zz","max_tokens":50,"n":8})"));
    CHECK(text_of(ask(*service, "POST", "/v1/completions", one)) == first);
    CHECK(has(busy.read(), "200 OK"));
    CHECK(text_of(
              ask(*service,
                  "POST",
                  "/v1/completions",
                  R"({"model":"assay","prompt":"seed","max_tokens":12,"seed":6,"logprobs":0})")) !=
          first);
}

TEST_CASE("new parameters are swapped in while the service runs", "[serving]") {
    const auto service = start_service();
    const std::string body = R"({"model":"assay","prompt":"a","max_tokens":1})";
    const auto fingerprint = [](const std::string& answer) {
        const size_t at = answer.find("system_fingerprint");
        return answer.substr(at, 36);
    };
    const std::string before = fingerprint(ask(*service, "POST", "/v1/completions", body));
    service->replace_model(std::make_shared<DecoderModel>(tiny_snapshot(2)));
    CHECK(fingerprint(ask(*service, "POST", "/v1/completions", body)) != before);
}

// One that waits until the test lets it go, so that a client can leave in the middle.
class GatedModel : public SequenceModel {
public:
    [[nodiscard]] int64_t vocabulary() const override { return 4; }
    [[nodiscard]] int64_t context_tokens() const override { return 1000; }
    uint64_t begin_sequence() override { return ++begun_; }
    void end_sequence(uint64_t) override { ++ended_; }
    std::vector<float> prefill(uint64_t, std::span<const int32_t>) override { return {0, 1, 0, 0}; }
    std::vector<std::vector<float>> step(std::span<const uint64_t> sequences,
                                         std::span<const int32_t>) override {
        std::unique_lock<std::mutex> lock(mutex_);
        ++steps_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        return std::vector<std::vector<float>>(sequences.size(), {0, 1, 0, 0});
    }
    void await_step() {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return steps_ > 0; });
    }
    void open() {
        const std::lock_guard<std::mutex> lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    [[nodiscard]] uint64_t ended() const { return ended_; }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    int steps_ = 0;
    uint64_t begun_ = 0;
    uint64_t ended_ = 0;
};

TEST_CASE("a cancelled request ends at the next step and frees its sequence", "[serving]") {
    const auto model = std::make_shared<GatedModel>();
    Engine engine(Engine::Settings{}, model);
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<FinishReason> reason;
    GenerationRequest request;
    request.prompt = {1};
    request.tokens_max = 900;
    const uint64_t number = engine.submit(
        request,
        [](const SampledToken&) { return true; },
        [&](FinishReason end) {
            const std::lock_guard<std::mutex> lock(mutex);
            reason = end;
            changed.notify_all();
        });
    model->await_step();
    engine.cancel(number);
    model->open();
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return reason.has_value(); });
    CHECK(*reason == FinishReason::kCancelled);
    CHECK(model->ended() == 1);
}

}  // namespace
}  // namespace assay
