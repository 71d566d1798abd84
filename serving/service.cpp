#include "serving/service.h"

#include <atomic>
#include <mutex>

#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/owner_thread.h"
#include "core/rng.h"
#include "core/version.h"
#include "serving/answer.h"
#include "serving/api_route.h"
#include "serving/openai_api.h"
#include "serving/prompt_reader.h"
#include "serving/service_metrics.h"

namespace assay {

namespace {

Status check_fit(const Tokenizer& tokenizer, const DecoderModel& model) {
    if (tokenizer.vocab_size() > model.vocabulary()) {
        return fail("the tokenizer has " + std::to_string(tokenizer.vocab_size()) +
                    " tokens, the model " + std::to_string(model.vocabulary()));
    }
    return {};
}

HttpOptions with_health(HttpOptions options) {
    options.always_answered = {"/health", "/ping"};
    return options;
}

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
            with_health(options_.http),
            [this](const HttpRequest& request, const ReplyPtr& reply) { handle(request, reply); });
        if (!server) {
            return server.error();
        }
        server_ = std::move(*server);
        return {};
    }

    // Before whoever holds this lets it go: that may be a handler, on the server's thread.
    void stop() {
        engine_->stop();  // its callbacks use the server's connections
        server_.reset();  // its handlers use the engine
    }

    [[nodiscard]] uint16_t port() const { return server_->port(); }
    [[nodiscard]] EngineMetrics metrics() const { return engine_->metrics(); }

    Status replace_model(std::shared_ptr<DecoderModel> model) {
        ASSAY_CHECK(model != nullptr);
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
        ASSAY_CHECK(model_ != nullptr);
        return model_;
    }

    void refuse(const ReplyPtr& reply, const ApiError& error, HttpHeaders headers = {}) {
        ASSAY_CHECK(!error.message.empty());
        metrics_.request_refused(error.status);
        reply->respond(error.status, error_json(error), "application/json", std::move(headers));
    }

    void handle(const HttpRequest& request, const ReplyPtr& reply) {
        ASSAY_CHECK(http_thread_.is_here());
        const ApiRoute route = route_of(request.path);
        reply->add_headers(options_.cors.answer_headers(request));
        if (request.method == "OPTIONS") {
            HttpHeaders headers = options_.cors.preflight_headers(request);
            headers.emplace_back("Allow", allowed_methods(route));
            reply->respond(204, "", "", std::move(headers));
        } else if (is_public(route) || options_.api_keys.allow(request)) {
            handle_route(route, request, reply);
        } else {
            refuse(reply,
                   {401,
                    "the API key is missing or wrong; send `Authorization: Bearer KEY`",
                    "authentication_error",
                    "",
                    "invalid_api_key"},
                   {{"WWW-Authenticate", "Bearer"}});
        }
    }

    [[nodiscard]] bool is_public(const ApiRoute& route) const {
        return route.kind == ApiRoute::Kind::kHealth ||
               (route.kind == ApiRoute::Kind::kMetrics && !options_.key_for_metrics);
    }

    static std::string allowed_methods(const ApiRoute& route) {
        return std::string(route.method) == "POST" ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
    }

    void handle_route(const ApiRoute& route, const HttpRequest& request, const ReplyPtr& reply) {
        if (route.kind == ApiRoute::Kind::kNone) {
            refuse(reply,
                   {404,
                    "there is nothing at " + request.path +
                        "; the API is at /v1/completions, /v1/chat/completions and /v1/models",
                    "invalid_request_error",
                    "",
                    ""});
        } else if (request.method != route.method) {
            refuse(reply,
                   {405,
                    request.path + " answers " + route.method + ", not " + request.method,
                    "invalid_request_error",
                    "",
                    "method_not_allowed"},
                   {{"Allow", allowed_methods(route)}});
        } else if (request.method == "GET") {
            handle_get(route, reply);
        } else {
            handle_post(route, request, reply);
        }
    }

    static void respond_json(const ReplyPtr& reply, std::string body) {
        reply->respond(200, std::move(body), "application/json", {});
    }

    void handle_get(const ApiRoute& route, const ReplyPtr& reply) {
        const int64_t context = model()->context_tokens();
        if (route.kind == ApiRoute::Kind::kHealth) {
            respond_json(reply, R"({"status":"ok"})");
        } else if (route.kind == ApiRoute::Kind::kModels) {
            respond_json(reply, models_json(options_.model_name, created_, context));
        } else if (route.kind == ApiRoute::Kind::kTokenizerInfo) {
            respond_json(reply, tokenizer_info_json(tokenizer_info()));
        } else if (route.kind == ApiRoute::Kind::kVersion) {
            respond_json(reply, text_json("version", assay_version()));
        } else if (route.kind == ApiRoute::Kind::kMetrics) {
            reply->respond(200,
                           metrics_.text(engine_->metrics()),
                           "text/plain; version=0.0.4; charset=utf-8",
                           {});
        } else if (route.model == options_.model_name) {
            respond_json(reply, model_json(route.model, created_, context));
        } else {
            refuse(reply, unknown_model(route.model, options_.model_name));
        }
    }

    void handle_post(const ApiRoute& route, const HttpRequest& request, const ReplyPtr& reply) {
        if (route.kind == ApiRoute::Kind::kTokenize) {
            tokenize(request, reply);
        } else if (route.kind == ApiRoute::Kind::kDetokenize) {
            detokenize(request, reply);
        } else {
            complete(request, route.kind == ApiRoute::Kind::kChatCompletions, reply);
        }
    }

    [[nodiscard]] TokenizerInfo tokenizer_info() const {
        TokenizerInfo info;
        if (const std::optional<int32_t> end = tokenizer_.end_of_text()) {
            info.end_of_text = std::string(tokenizer_.token_text(*end));
        }
        if (options_.chat_template) {
            info.chat_template = options_.chat_template->source();
        }
        info.vocabulary = tokenizer_.vocab_size();
        info.context_tokens = model()->context_tokens();
        return info;
    }

    void tokenize(const HttpRequest& request, const ReplyPtr& reply) {
        auto parsed = parse_tokenize(request.body);
        if (const auto* error = std::get_if<ApiError>(&parsed)) {
            refuse(reply, *error);
            return;
        }
        const auto& asked = std::get<TokenizeRequest>(parsed);
        const std::vector<int32_t> tokens = tokenizer_.encode_marked(asked.text);
        std::optional<std::vector<std::string>> texts;
        if (asked.with_texts) {
            texts.emplace();
            for (const int32_t token : tokens) {
                texts->emplace_back(tokenizer_.token_text(token));
            }
        }
        respond_json(reply, tokens_json(tokens, texts, model()->context_tokens()));
    }

    void detokenize(const HttpRequest& request, const ReplyPtr& reply) {
        auto tokens = parse_detokenize(request.body, model()->vocabulary());
        if (const auto* error = std::get_if<ApiError>(&tokens)) {
            refuse(reply, *error);
            return;
        }
        respond_json(
            reply,
            text_json("prompt", tokenizer_.decode_marked(std::get<std::vector<int32_t>>(tokens))));
    }

    AnswerHead head_of(const ApiRequest& request,
                       const HttpRequest& http,
                       const DecoderModel& served) {
        ASSAY_CHECK_EQ(served.root().size(), size_t{64});
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
        ASSAY_CHECK(http_thread_.is_here());
        const auto started = static_cast<uint64_t>(created_);
        return CounterRng(derive_seed(Digest{}, "sampling", {started, ++seeds_})).next();
    }

    // A mark behind the assistant's turn that is one token ends the answer as that token: its text
    // may be left out, and then no stop string is met.
    void end_at_marks(ApiRequest& request) const {
        for (const std::string& mark : options_.chat_template->stop()) {
            if (const std::optional<int32_t> id = tokenizer_.added_id(mark)) {
                request.stop_tokens.push_back(*id);
            }
        }
    }

    // One model from the first check to the last token: the fingerprint names what answers.
    void complete(const HttpRequest& http, bool chat, const ReplyPtr& reply) {
        const std::shared_ptr<DecoderModel> served = model();
        ApiLimits limits;
        limits.model = options_.model_name;
        limits.context_tokens = served->context_tokens();
        limits.vocabulary = served->vocabulary();
        limits.chat_template = options_.chat_template ? &*options_.chat_template : nullptr;
        auto parsed = parse_request(http.body, chat, limits);
        if (const auto* error = std::get_if<ApiError>(&parsed)) {
            refuse(reply, *error);
            return;
        }
        ApiRequest request = std::get<ApiRequest>(std::move(parsed));
        if (chat) {
            end_at_marks(request);
        }
        if (!request.seed_given) {
            request.sampling.seed = next_seed();
        }
        auto prompts = read_prompts(request, tokenizer_, served->context_tokens());
        if (const auto* error = std::get_if<ApiError>(&prompts)) {
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
        answer->expect(std::get<std::vector<PromptTokens>>(std::move(prompts)));
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
            numbers.push_back(submit_choice(answer, i, served));
        }
        reply->on_gone([self = weak_from_this(), numbers] {
            if (const std::shared_ptr<Impl> alive = self.lock()) {
                for (const uint64_t number : numbers) {
                    alive->engine_->cancel(number);
                }
            }
        });
    }

    uint64_t submit_choice(const std::shared_ptr<Answer>& answer,
                           size_t choice,
                           const std::shared_ptr<DecoderModel>& served) {
        GenerationRequest generation = answer->generation(choice, served->context_tokens());
        generation.model = served;
        const uint64_t number = engine_->submit(
            std::move(generation),
            [answer, choice](const SampledToken& token) {
                bool more = false;
                shielded(*answer, [&] { more = answer->take(choice, token); });
                return more;
            },
            [answer, choice](FinishReason reason) {
                shielded(*answer, [&] { answer->finish(choice, reason); });
            },
            [answer, choice](const std::vector<SampledToken>& rated) {
                shielded(*answer, [&] { answer->take_prompt(choice, rated); });
            });
        if (number == 0) {
            answer->finish(choice, FinishReason::kCancelled);
        }
        return number;
    }

    // On the engine's thread: what goes wrong with one answer leaves the others alone.
    template <typename Action>
    static void shielded(Answer& answer, Action action) {
        try {
            action();
        } catch (const std::exception& error) {
            log_error(std::string("an answer failed: ") + error.what());
            answer.fail();
        }
    }

    ServiceOptions options_;
    Tokenizer tokenizer_;
    mutable std::mutex mutex_;
    std::shared_ptr<DecoderModel> model_;
    int64_t created_;
    std::atomic<uint64_t> next_answer_{0};
    OwnerThread http_thread_;
    uint64_t seeds_ = 0;  // the HTTP thread's
    ServiceMetrics metrics_;
    std::unique_ptr<Engine> engine_;
    std::unique_ptr<HttpServer> server_;
};

Service::Service(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::~Service() {
    impl_->stop();
}

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options,
                                                Tokenizer tokenizer,
                                                std::shared_ptr<DecoderModel> model) {
    ASSAY_CHECK(model != nullptr);
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
