// What a programmer promises of the service: each kind of promise is broken once, and is seen to
// stop the process. What a client sends breaks none (service_test.cpp, http_test.cpp).

#include <catch2/catch.hpp>
#include <chrono>
#include <cmath>
#include <functional>
#include <future>
#include <limits>

#include "serving/answer.h"
#include "serving/api_keys.h"
#include "serving/engine.h"
#include "serving/jinja_template.h"
#include "serving/json_fields.h"
#include "serving/openai_api.h"
#include "serving/prompt_reader.h"
#include "serving/sampler.h"
#include "serving/service_metrics.h"
#include "serving/text_stream.h"
#include "tests/serving/http_client.h"
#include "tests/support/bytes_tokenizer.h"
#include "tests/support/check_fires.h"

namespace assay {

namespace {

using Catch::Contains;

constexpr int64_t kVocabulary = 8;
constexpr int64_t kContext = 10;
constexpr std::chrono::seconds kLong(30);

// A network that always means token 1, and does not keep to its interface where a test says so.
class FaultyModel : public SequenceModel {
public:
    bool one_sequence = false;  // each begins as number 1
    int64_t logits_missing = 0;
    size_t rows_missing = 0;
    bool silent = false;  // of the prompt's logits

    [[nodiscard]] int64_t vocabulary() const override { return kVocabulary; }
    [[nodiscard]] int64_t context_tokens() const override { return kContext; }
    uint64_t begin_sequence() override { return one_sequence ? 1 : ++last_; }
    void end_sequence(uint64_t /*sequence*/) override {}
    std::vector<float> prefill(uint64_t /*sequence*/,
                               std::span<const int32_t> tokens,
                               const OnLogits& each) override {
        for (size_t i = 0; each && !silent && i < tokens.size(); ++i) {
            each(i, logits());
        }
        return logits();
    }
    std::vector<std::vector<float>> step(std::span<const uint64_t> sequences,
                                         std::span<const int32_t> /*tokens*/) override {
        return std::vector<std::vector<float>>(sequences.size() - rows_missing, logits());
    }

private:
    [[nodiscard]] std::vector<float> logits() const {
        std::vector<float> values(static_cast<size_t>(kVocabulary - logits_missing), 0.0F);
        values[1] = 9;
        return values;
    }
    uint64_t last_ = 0;
};

GenerationRequest asked(size_t prompt_tokens, int64_t tokens_max) {
    GenerationRequest request;
    request.prompt.assign(prompt_tokens, 2);
    request.tokens_max = tokens_max;
    request.sampling.temperature = 0;
    return request;
}

// What stops the process while these requests are answered, one after another admitted.
std::string fired_by(const FaultyModel& like, const std::vector<GenerationRequest>& requests) {
    return fired_check([&] {
        const auto model = std::make_shared<FaultyModel>(like);
        std::vector<std::promise<void>> ends(requests.size());
        Engine engine({}, model);
        for (size_t i = 0; i < requests.size(); ++i) {
            engine.submit(
                requests[i],
                [](const SampledToken&) { return true; },
                [&ends, i](FinishReason) { ends[i].set_value(); },
                [](const std::vector<SampledToken>&) {});
        }
        for (std::promise<void>& end : ends) {
            (void)end.get_future().wait_for(kLong);
        }
    });
}

// A reply that nobody reads.
class NoReply : public HttpReply {
public:
    void add_headers(HttpHeaders /*headers*/) override {}
    void respond(int /*status*/,
                 std::string /*body*/,
                 std::string /*content_type*/,
                 HttpHeaders /*headers*/) override {}
    void start_stream(HttpHeaders /*headers*/) override {}
    void send_event(std::string /*data*/) override {}
    void finish() override {}
    void on_gone(std::function<void()> /*callback*/) override {}
};

// An answer of two choices, which are asked for nowhere.
struct Answered {
    Tokenizer tokenizer = bytes_tokenizer();
    std::shared_ptr<Answer> answer;

    explicit Answered(std::vector<PromptTokens> prompts = {{{65}, false}}) {
        ApiRequest request;
        request.prompts = {std::string("A")};
        request.choices = 2;
        request.stop = {"C"};
        answer = std::make_shared<Answer>(request,
                                          AnswerHead{},
                                          tokenizer,
                                          std::make_shared<NoReply>(),
                                          [](const std::string&, double) {});
        answer->expect(std::move(prompts));
    }
};

// What stops a process whose application answers a request like that.
std::string fired_by_reply(const std::function<void(const std::shared_ptr<HttpReply>&)>& answer) {
    return fired_check([&] {
        const auto server = HttpServer::start(
            {},
            [&](const HttpRequest&, const std::shared_ptr<HttpReply>& reply) { answer(reply); });
        HttpTestClient client((*server)->port());
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        (void)client.answer();
    });
}

SamplingSettings with(void (*spoil)(SamplingSettings&)) {
    SamplingSettings settings;
    spoil(settings);
    return settings;
}

std::string fired_by_settings(void (*spoil)(SamplingSettings&)) {
    const SamplingSettings settings = with(spoil);
    return fired_check([&] { (void)sample_token(std::vector<float>{1, 2, 3}, {}, settings, 2); });
}

}  // namespace

TEST_CASE("a model that keeps to its interface breaks nothing in the engine", "[serving]") {
    GenerationRequest rated = asked(4, 3);
    rated.rate_prompt = true;
    CHECK(fired_by({}, {asked(3, 100), asked(9, 1), asked(10, 0), rated}).empty());
}

TEST_CASE("each sequence belongs to one request", "[serving]") {
    FaultyModel model;
    model.one_sequence = true;
    CHECK(fired_by(model, {asked(3, 5)}).empty());
    CHECK_THAT(fired_check([&] {
                   std::promise<void> end;
                   Engine engine({}, std::make_shared<FaultyModel>(model));
                   const auto ends = [&end](FinishReason) { end.set_value(); };
                   // The second one is submitted while the first one has not ended.
                   engine.submit(
                       asked(1, 9),
                       [&, submitted = false](const SampledToken&) mutable {
                           if (!std::exchange(submitted, true)) {
                               engine.submit(
                                   asked(1, 9), [](const SampledToken&) { return true; }, ends);
                           }
                           return true;
                       },
                       [](FinishReason) {});
                   (void)end.get_future().wait_for(kLong);
               }),
               Contains("other.sequence"));
}

TEST_CASE("a batch has one row for each sequence, a row one logit for each token", "[serving]") {
    FaultyModel model;
    model.rows_missing = 1;
    CHECK_THAT(fired_by(model, {asked(3, 5)}), Contains("group.size()"));
    model = {};
    model.logits_missing = 1;
    CHECK_THAT(fired_by(model, {asked(3, 5)}), Contains("vocabulary()"));
    model = {};
    model.silent = true;
    GenerationRequest rated = asked(4, 3);
    rated.rate_prompt = true;
    CHECK_THAT(fired_by(model, {rated}), Contains("rated.size()"));
}

TEST_CASE("no request is longer than the context, and each is heard", "[serving]") {
    CHECK_THAT(fired_by({}, {asked(10, 1)}), Contains("context_tokens()"));
    CHECK_THAT(fired_by({}, {asked(0, 1)}), Contains("prompt.empty()"));
    CHECK_THAT(fired_by({}, {asked(1, -1)}), Contains("tokens_max"));
    CHECK_THAT(fired_check([] {
                   Engine engine({}, std::make_shared<FaultyModel>());
                   (void)engine.submit(asked(1, 1), {}, {});
               }),
               Contains("on_token"));
}

TEST_CASE("an engine has a model, and room", "[serving]") {
    CHECK_THAT(fired_check([] { const Engine engine({}, nullptr); }), Contains("model != nullptr"));
    CHECK_THAT(fired_check([] {
                   const Engine engine({0, 1}, std::make_shared<FaultyModel>());
               }),
               Contains("running_max"));
}

TEST_CASE("the engine's own thread does not stop it", "[serving]") {
    CHECK_THAT(fired_check([] {
                   std::promise<void> end;
                   Engine engine({}, std::make_shared<FaultyModel>());
                   engine.submit(
                       asked(1, 1),
                       [&engine](const SampledToken&) {
                           engine.stop();
                           return true;
                       },
                       [&end](FinishReason) { end.set_value(); });
                   (void)end.get_future().wait_for(kLong);
               }),
               Contains("get_id()"));
}

TEST_CASE("a choice is finished once, and no token comes behind its finish", "[serving]") {
    const Answered whole;
    CHECK(fired_check([&] {
              CHECK(whole.answer->take(0, {66, 0, {}}));
              whole.answer->finish(1, FinishReason::kLength);
              whole.answer->finish(0, FinishReason::kStop);
          }).empty());
    CHECK_THAT(fired_check([&] {
                   whole.answer->finish(1, FinishReason::kLength);
                   whole.answer->finish(1, FinishReason::kLength);
               }),
               Contains("part.done"));
    CHECK_THAT(fired_check([&] {
                   whole.answer->finish(1, FinishReason::kLength);
                   (void)whole.answer->take(1, {66, 0, {}});
               }),
               Contains("part.done"));
    CHECK_THAT(fired_check([&] {
                   (void)whole.answer->take(0, {67, 0, {}});  // the stop string
                   (void)whole.answer->take(0, {66, 0, {}});
               }),
               Contains("stopped()"));
    CHECK_THAT(fired_check([&] {
                   (void)whole.answer->take(2, {66, 0, {}});
               }),
               Contains("choices_.size()"));
}

TEST_CASE("choices stand in order, one prompt read for each that was asked", "[serving]") {
    CHECK_THAT(fired_check([] {
                   Choice second;
                   second.index = 1;
                   (void)answer_json({}, {second}, {});
               }),
               Contains("choice.index"));
    CHECK_THAT(fired_check([] { const Answered none(std::vector<PromptTokens>{}); }),
               Contains("prompts.empty()"));
    CHECK_THAT(fired_check([] {
                   const Answered two({{{65}, false}, {{66}, false}});
               }),
               Contains("request_.prompts.size()"));
    CHECK_THAT(fired_check([] {
                   const Answered empty({{{}, false}});
               }),
               Contains("tokens.empty()"));
    CHECK_THAT(fired_check([] {
                   (void)usage_chunk_json({}, {1, 1, 2});
               }),
               Contains("cached_tokens"));
}

TEST_CASE("a text stream ends once, and no stop string is empty", "[serving]") {
    CHECK_THAT(fired_check([] {
                   TextStream stream({"END"});
                   (void)stream.flush();
                   (void)stream.push("a");
               }),
               Contains("flushed_"));
    CHECK_THAT(fired_check([] { const TextStream stream({""}); }), Contains("none_of"));
}

TEST_CASE("what is sampled lies in the vocabulary, by settings that a request may have",
          "[serving]") {
    CHECK(fired_by_settings([](SamplingSettings&) {}).empty());
    CHECK_THAT(fired_by_settings([](SamplingSettings& settings) { settings.min_p = 1.5; }),
               Contains("min_p"));
    CHECK_THAT(fired_by_settings([](SamplingSettings& settings) { settings.top_p = -1; }),
               Contains("top_p"));
    CHECK_THAT(fired_by_settings([](SamplingSettings& settings) { settings.temperature = -1; }),
               Contains("temperature"));
    CHECK_THAT(fired_check([] {
                   (void)rate_token(std::vector<float>{1, 2}, 2, 0);
               }),
               Contains("scores.size()"));
    CHECK_THAT(fired_check([] { (void)sample_token({}, {}, {}, 0); }), Contains("logits.empty()"));
}

TEST_CASE("whatever a model says, and whatever is forbidden, something is sampled", "[serving]") {
    constexpr float kInfinite = std::numeric_limits<float>::infinity();
    const std::vector<int32_t> all = {0, 1, 2};
    for (const float odd : {kInfinite, -kInfinite, std::nanf(""), 3e38F}) {
        CAPTURE(odd);
        for (const double temperature : {0.0, 1.0}) {
            SamplingSettings settings;
            settings.temperature = temperature;
            settings.min_p = 0.5;
            settings.repetition_penalty = 0.01;
            const std::vector<float> logits = {odd, 1, odd};
            CHECK(sample_token(logits, {all, all, {}, 0}, settings, 3).alternatives.size() == 3);
            CHECK(sample_token(logits, {{}, {}, all, 0}, settings, 3).alternatives.size() == 3);
        }
    }
}

TEST_CASE("a request is answered once: whole, or as a stream that ends", "[serving][http]") {
    CHECK(fired_by_reply([](const auto& reply) { reply->respond(200, "", "", {}); }).empty());
    CHECK_THAT(fired_by_reply([](const auto& reply) {
                   reply->respond(200, "", "", {});
                   reply->respond(200, "", "", {});
               }),
               Contains("answered twice"));
    CHECK_THAT(fired_by_reply([](const auto& reply) {
                   reply->start_stream({});
                   reply->finish();
                   reply->send_event("behind the end");
               }),
               Contains("outside its stream"));
    CHECK_THAT(fired_by_reply([](const auto& reply) { reply->send_event("before it began"); }),
               Contains("outside its stream"));
    CHECK_THAT(fired_by_reply([](const auto& reply) {
                   reply->start_stream({});
                   reply->respond(200, "", "", {});
               }),
               Contains("answered twice"));
    CHECK_THAT(fired_by_reply([](const auto& reply) { reply->respond(7, "", "", {}); }),
               Contains("status"));
    CHECK_THAT(fired_by_reply([](const auto& reply) {
                   reply->start_stream({});
                   reply->add_headers({{"Too", "late"}});
               }),
               Contains("kFresh"));
    CHECK_THAT(fired_by_reply([](const auto& reply) {
                   reply->on_gone([] {});
                   reply->on_gone([] {});
               }),
               Contains("on_gone_"));
}

TEST_CASE("a server has a handler and room", "[serving][http]") {
    const HttpServer::Handler handler = [](const HttpRequest&, const auto&) {};
    CHECK_THAT(fired_check([] { (void)HttpServer::start({}, nullptr); }), Contains("handler"));
    HttpOptions options;
    options.connections_max = 0;
    CHECK_THAT(fired_check([&] { (void)HttpServer::start(options, handler); }),
               Contains("connections_max"));
}

TEST_CASE("no handler ends its own server", "[serving][http]") {
    CHECK_THAT(fired_check([] {
                   std::unique_ptr<HttpServer> server;
                   auto started = HttpServer::start(
                       {}, [&server](const HttpRequest&, const auto&) { server.reset(); });
                   server = std::move(*started);
                   HttpTestClient client(server->port());
                   client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
                   (void)client.answer();
               }),
               Contains("get_id()"));
}

TEST_CASE("a key is never empty", "[serving]") {
    CHECK_THAT(fired_check([] { const ApiKeys keys({"good", ""}); }), Contains("none_of"));
}

TEST_CASE("requests are parsed within limits that there are", "[serving]") {
    ApiLimits limits{"m", 16, 16, 4, nullptr};
    CHECK(fired_check([&] { (void)parse_request("{}", false, limits); }).empty());
    limits.vocabulary = 0;
    CHECK_THAT(fired_check([&] { (void)parse_request("{}", false, limits); }),
               Contains("vocabulary"));
    CHECK_THAT(fired_check([] { (void)integer_in({}, "n", 2, 1); }), Contains("low"));
    CHECK_THAT(fired_check([] { (void)number_in({}, "p", 0, 1, 3); }), Contains("otherwise"));
    CHECK_THAT(fired_check([] {
                   const std::vector<std::string> texts = {"one"};
                   (void)tokens_json({1, 2}, texts, 16);
               }),
               Contains("texts"));
    CHECK_THAT(fired_check([] { (void)read_prompts({}, bytes_tokenizer(), 0); }),
               Contains("context_tokens"));
}

TEST_CASE("counts only grow, and what is refused has a status that says so", "[serving]") {
    ServiceMetrics metrics;
    EngineMetrics engine;
    engine.prompt_tokens = 5;
    (void)metrics.text(engine);
    engine.prompt_tokens = 4;
    CHECK_THAT(fired_check([&] { (void)metrics.text(engine); }), Contains("prompt_tokens"));
    CHECK_THAT(fired_check([&] { metrics.request_refused(200); }), Contains("status"));
}

TEST_CASE("a template is given its variables by name", "[serving]") {
    const Result<JinjaTemplate> empty = JinjaTemplate::parse("");
    REQUIRE(empty.ok());
    CHECK_THAT(fired_check([&] { (void)empty->render(nlohmann::json::array()); }),
               Contains("is_object"));
}

}  // namespace assay
