#include "serving/service.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/algorithm/string/predicate.hpp>
#include <locale>
#include <mutex>
#include <string_view>

#include "core/clock.h"
#include "core/rng.h"
#include "serving/answer.h"
#include "serving/openai_api.h"
#include "serving/service_metrics.h"

namespace assay {

namespace {

constexpr size_t kPromptBytesMax = 1U << 20;
constexpr std::string_view kBearer = "Bearer ";        // its case means nothing (RFC 9110, 11.1)
constexpr std::string_view kOneModel = "/v1/models/";  // and its name

bool equal_in_constant_time(const std::string& a, const std::string& b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Status check_fit(const Tokenizer& tokenizer, const DecoderModel& model) {
    if (tokenizer.vocab_size() > model.vocabulary()) {
        return fail("the tokenizer has " + std::to_string(tokenizer.vocab_size()) +
                    " tokens, the model " + std::to_string(model.vocabulary()));
    }
    return {};
}

struct Route {
    const char* path;
    const char* method;
};
constexpr std::array<Route, 7> kRoutes = {{{"/v1/models", "GET"},
                                           {"/metrics", "GET"},
                                           {"/version", "GET"},
                                           {"/v1/completions", "POST"},
                                           {"/v1/chat/completions", "POST"},
                                           {"/tokenize", "POST"},
                                           {"/detokenize", "POST"}}};

}  // namespace

class Service::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(ServiceOptions options, Tokenizer tokenizer, std::shared_ptr<DecoderModel> model)
        : options_(std::move(options)),
          tokenizer_(std::move(tokenizer)),
          model_(std::move(model)),
          created_(SystemClock().now().ms / 1000),
          engine_(std::make_unique<Engine>(options_.engine, model_)) {}

    Status listen() {
        Result<std::unique_ptr<HttpServer>> server = HttpServer::start(
            options_.http,
            [this](const HttpRequest& request, const ReplyPtr& reply) { handle(request, reply); });
        if (!server) {
            return server.error();
        }
        server_ = std::move(*server);
        return {};
    }

    ~Impl() {
        engine_->stop();  // its callbacks use the server's connections
        server_.reset();  // its handlers use the engine
    }

    [[nodiscard]] uint16_t port() const { return server_->port(); }
    [[nodiscard]] EngineMetrics metrics() const { return engine_->metrics(); }

    Status replace_model(std::shared_ptr<DecoderModel> model) {
        if (Status fits = check_fit(tokenizer_, *model); !fits) {
            return fits;
        }
        engine_->swap_model(model);
        const std::lock_guard<std::mutex> lock(mutex_);
        model_ = std::move(model);
        return {};
    }

private:
    using ReplyPtr = std::shared_ptr<HttpReply>;

    [[nodiscard]] std::shared_ptr<DecoderModel> model() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return model_;
    }

    void refuse(const ReplyPtr& reply, const ApiError& error, HttpHeaders headers = {}) {
        metrics_.request_refused(error.status);
        reply->respond(error.status, error_json(error), "application/json", std::move(headers));
    }

    [[nodiscard]] bool is_allowed(const HttpRequest& request) const {
        if (options_.api_keys.empty()) {
            return true;
        }
        const std::string scheme = request.authorization.substr(0, kBearer.size());
        if (!boost::algorithm::iequals(scheme, kBearer, std::locale::classic())) {
            return false;
        }
        const std::string given = request.authorization.substr(kBearer.size());
        bool known = false;
        for (const std::string& key : options_.api_keys) {
            known = equal_in_constant_time(given, key) || known;
        }
        return known;
    }

    void handle(const HttpRequest& request, const ReplyPtr& reply) {
        if (request.path == "/health") {
            reply->respond(200, R"({"status":"ok"})", "application/json", {});
        } else if (!is_allowed(request)) {
            refuse(reply,
                   {401,
                    "the API key is missing or wrong; send `Authorization: Bearer KEY`",
                    "authentication_error",
                    "",
                    "invalid_api_key"},
                   {{"WWW-Authenticate", "Bearer"}});
        } else {
            handle_route(request, reply);
        }
    }

    void handle_route(const HttpRequest& request, const ReplyPtr& reply) {
        if (request.method == "GET" && request.path.rfind(kOneModel, 0) == 0) {
            handle_model(request.path.substr(kOneModel.size()), reply);
            return;
        }
        const auto* const route =
            std::find_if(kRoutes.begin(), kRoutes.end(), [&request](const Route& known) {
                return request.path == known.path;
            });
        if (route == kRoutes.end()) {
            refuse(reply,
                   {404, "there is nothing at " + request.path, "invalid_request_error", "", ""});
        } else if (request.method != route->method) {
            refuse(reply,
                   {405,
                    request.path + " answers " + route->method + ", not " + request.method,
                    "invalid_request_error",
                    "",
                    "method_not_allowed"},
                   {{"Allow", route->method}});
        } else if (request.method == "GET") {
            handle_get(request, reply);
        } else {
            handle_post(request, reply);
        }
    }

    void handle_model(const std::string& name, const ReplyPtr& reply) {
        if (name != options_.model_name) {
            refuse(reply, unknown_model(name, options_.model_name));
            return;
        }
        reply->respond(
            200, model_json(name, created_, model()->context_tokens()), "application/json", {});
    }

    void handle_get(const HttpRequest& request, const ReplyPtr& reply) {
        if (request.path == "/v1/models") {
            reply->respond(200,
                           models_json(options_.model_name, created_, model()->context_tokens()),
                           "application/json",
                           {});
        } else if (request.path == "/metrics") {
            reply->respond(200,
                           metrics_.text(engine_->metrics()),
                           "text/plain; version=0.0.4; charset=utf-8",
                           {});
        } else {
            reply->respond(200, text_json("version", "0.1.0"), "application/json", {});
        }
    }

    void handle_post(const HttpRequest& request, const ReplyPtr& reply) {
        if (request.path == "/v1/completions") {
            complete(request, false, reply);
        } else if (request.path == "/v1/chat/completions") {
            complete(request, true, reply);
        } else if (request.path == "/tokenize") {
            tokenize(request, reply);
        } else {
            detokenize(request, reply);
        }
    }

    void tokenize(const HttpRequest& request, const ReplyPtr& reply) {
        auto text = parse_tokenize(request.body);
        if (const auto* error = std::get_if<ApiError>(&text)) {
            refuse(reply, *error);
            return;
        }
        reply->respond(
            200,
            tokens_json(tokenizer_.encode(std::get<std::string>(text)), model()->context_tokens()),
            "application/json",
            {});
    }

    void detokenize(const HttpRequest& request, const ReplyPtr& reply) {
        auto tokens = parse_detokenize(request.body, model()->vocabulary());
        if (const auto* error = std::get_if<ApiError>(&tokens)) {
            refuse(reply, *error);
            return;
        }
        reply->respond(
            200,
            text_json("prompt", tokenizer_.decode(std::get<std::vector<int32_t>>(tokens))),
            "application/json",
            {});
    }

    // Tokens of every prompt, or why one of them cannot be answered.
    std::variant<std::vector<std::vector<int32_t>>, ApiError> encode(const ApiRequest& request,
                                                                     int64_t context) {
        std::vector<std::vector<int32_t>> all;
        for (const Prompt& prompt : request.prompts) {
            std::vector<int32_t> tokens;
            if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) {
                tokens = *ids;
            } else if (std::get<std::string>(prompt).size() <= kPromptBytesMax) {
                tokens = tokenizer_.encode(std::get<std::string>(prompt));
            }
            if (tokens.empty()) {
                return ApiError{400,
                                "the prompt is empty or far too long",
                                "invalid_request_error",
                                "prompt",
                                ""};
            }
            const auto size = static_cast<int64_t>(tokens.size());
            if (size + (request.max_tokens.value_or(1) > 0 ? 1 : 0) > context) {
                return ApiError{400,
                                "the prompt has " + std::to_string(size) +
                                    " tokens; this model's context is " + std::to_string(context) +
                                    ", of which at least one is for the answer",
                                "invalid_request_error",
                                request.chat ? "messages" : "prompt",
                                "context_length_exceeded"};
            }
            all.push_back(std::move(tokens));
        }
        return all;
    }

    AnswerHead head_of(const ApiRequest& request,
                       const HttpRequest& http,
                       const DecoderModel& served) {
        AnswerHead head;
        const std::string number = std::to_string(next_answer_.fetch_add(1) + 1);
        head.id = (request.chat ? "chatcmpl-" : "cmpl-") +
                  (http.request_id.empty() ? number : http.request_id);
        head.created = SystemClock().now().ms / 1000;
        head.model = options_.model_name;
        head.fingerprint = served.root().substr(0, 12);
        head.chat = request.chat;
        head.with_logprobs = request.logprobs >= 0;
        return head;
    }

    // Where none was given: another one for each request.
    uint64_t next_seed() {
        const auto started = static_cast<uint64_t>(created_);
        return CounterRng(derive_seed(Digest{}, "sampling", {started, ++seeds_})).next();
    }

    // One model from the first check to the last token: the fingerprint names what answers.
    void complete(const HttpRequest& http, bool chat, const ReplyPtr& reply) {
        const std::shared_ptr<DecoderModel> served = model();
        auto parsed = parse_request(
            http.body,
            chat,
            {options_.model_name, served->context_tokens(), served->vocabulary(), 16});
        if (const auto* error = std::get_if<ApiError>(&parsed)) {
            refuse(reply, *error);
            return;
        }
        ApiRequest request = std::get<ApiRequest>(std::move(parsed));
        if (!request.seed_given) {
            request.sampling.seed = next_seed();
        }
        auto encoded = encode(request, served->context_tokens());
        if (const auto* error = std::get_if<ApiError>(&encoded)) {
            refuse(reply, *error);
            return;
        }
        const bool stream = request.stream;
        const AnswerHead head = head_of(request, http, *served);
        const auto answer =
            std::make_shared<Answer>(std::move(request),
                                     head,
                                     tokenizer_,
                                     reply,
                                     [this](const std::string& reason, double seconds) {
                                         metrics_.request_finished(reason, seconds);
                                     });
        answer->expect(std::get<std::vector<std::vector<int32_t>>>(std::move(encoded)));
        submit(answer, reply, stream, served);
    }

    void submit(const std::shared_ptr<Answer>& answer,
                const ReplyPtr& reply,
                bool stream,
                const std::shared_ptr<DecoderModel>& served) {
        const EngineMetrics now = engine_->metrics();
        if (now.waiting + answer->choice_count() > options_.engine.waiting_max) {
            refuse(reply,
                   {429,
                    "too many requests are waiting; try again in a moment",
                    "rate_limit_error",
                    "",
                    "rate_limit_exceeded"},
                   {{"Retry-After", "1"}});
            return;
        }
        if (stream) {
            answer->start_stream({});
        }
        std::vector<uint64_t> numbers;
        for (size_t i = 0; i < answer->choice_count(); ++i) {
            GenerationRequest generation = answer->generation(i, served->context_tokens());
            generation.model = served;
            const uint64_t number = engine_->submit(
                std::move(generation),
                [answer, i](const SampledToken& token) { return answer->take(i, token); },
                [answer, i](FinishReason reason) { answer->finish(i, reason); });
            if (number == 0) {
                answer->finish(i, FinishReason::kCancelled);
            }
            numbers.push_back(number);
        }
        reply->on_gone([self = weak_from_this(), numbers] {
            if (const std::shared_ptr<Impl> alive = self.lock()) {
                for (const uint64_t number : numbers) {
                    alive->engine_->cancel(number);
                }
            }
        });
    }

    ServiceOptions options_;
    Tokenizer tokenizer_;
    mutable std::mutex mutex_;
    std::shared_ptr<DecoderModel> model_;
    int64_t created_;
    std::atomic<uint64_t> next_answer_{0};
    uint64_t seeds_ = 0;  // the HTTP thread's
    ServiceMetrics metrics_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<HttpServer> server_;
};

Service::Service(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options,
                                                Tokenizer tokenizer,
                                                std::shared_ptr<DecoderModel> model) {
    if (Status fits = check_fit(tokenizer, *model); !fits) {
        return fits.error();
    }
    auto impl = std::make_shared<Impl>(std::move(options), std::move(tokenizer), std::move(model));
    if (Status listening = impl->listen(); !listening) {
        return listening.error();
    }
    return std::unique_ptr<Service>(new Service(std::move(impl)));
}

uint16_t Service::port() const {
    return impl_->port();
}
Status Service::replace_model(std::shared_ptr<DecoderModel> model) {
    return impl_->replace_model(std::move(model));
}
EngineMetrics Service::metrics() const {
    return impl_->metrics();
}

}  // namespace assay
