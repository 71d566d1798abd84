// Sampling, text streaming and the API's JSON: all pure.

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "serving/openai_api.h"
#include "serving/sampler.h"
#include "serving/text_stream.h"

namespace assay {
namespace {

const ApiLimits kLimits{"toy", 128, 256, 8};

ApiError refused(const std::string& body, bool chat = false) {
    auto parsed = parse_request(body, chat, kLimits);
    REQUIRE(std::holds_alternative<ApiError>(parsed));
    return std::get<ApiError>(parsed);
}

ApiRequest accepted(const std::string& body, bool chat = false) {
    auto parsed = parse_request(body, chat, kLimits);
    if (std::holds_alternative<ApiError>(parsed)) {
        FAIL(std::get<ApiError>(parsed).message);
    }
    return std::get<ApiRequest>(parsed);
}

TEST_CASE("temperature zero takes the most likely token, ties to the lower id", "[serving]") {
    const std::vector<float> logits = {0.5F, 2.0F, 2.0F, -1.0F};
    SamplingSettings settings;
    settings.temperature = 0;
    CHECK(sample_token(logits, {}, settings, 0, 0).token == 1);
    settings.presence_penalty = 1;
    const std::vector<int32_t> seen = {1};
    CHECK(sample_token(logits, seen, settings, 0, 0).token == 2);
}

TEST_CASE("a draw depends on seed and position alone and follows the distribution", "[serving]") {
    const std::vector<float> logits = {0.0F, std::log(3.0F)};
    SamplingSettings settings;
    settings.seed = 7;
    int ones = 0;
    for (uint64_t position = 0; position < 4000; ++position) {
        const int32_t token = sample_token(logits, {}, settings, position, 0).token;
        CHECK(token == sample_token(logits, {}, settings, position, 2).token);
        ones += token;
    }
    CHECK(ones > 2880);  // 3000 expected, standard deviation 27
    CHECK(ones < 3120);
}

TEST_CASE("nucleus and top-k cut the tail", "[serving]") {
    const std::vector<float> logits = {3.0F, 2.0F, 1.0F, 0.0F};
    SamplingSettings settings;
    settings.top_p = 0.6;  // the first has 0.64
    std::set<int32_t> seen;
    for (uint64_t position = 0; position < 200; ++position) {
        seen.insert(sample_token(logits, {}, settings, position, 0).token);
    }
    CHECK(seen == std::set<int32_t>{0});
    settings.top_p = 1;
    settings.top_k = 2;
    settings.temperature = 2;
    for (uint64_t position = 0; position < 200; ++position) {
        seen.insert(sample_token(logits, {}, settings, position, 0).token);
    }
    CHECK(seen == std::set<int32_t>{0, 1});
}

TEST_CASE("log probabilities sum to one and are sorted", "[serving]") {
    const std::vector<float> logits = {1.0F, -2.0F, 0.25F};
    const SampledToken sampled = sample_token(logits, {}, {}, 3, 3);
    double sum = 0;
    for (const TokenProbability& entry : sampled.alternatives) {
        sum += std::exp(entry.log_probability);
    }
    CHECK(sum == Approx(1.0).epsilon(1e-6));
    CHECK(sampled.alternatives.front().token == 0);
}

TEST_CASE("stop strings are found across tokens and never leak", "[serving]") {
    TextStream stream({"END", "\n\n"});
    CHECK(stream.push("abE") == "ab");
    CHECK(stream.push("N").empty());
    CHECK(stream.push("x") == "ENx");
    CHECK(stream.push("yEN") == "y");
    CHECK(stream.push("D tail").empty());
    CHECK(stream.stopped());
    CHECK(stream.push("more").empty());
    CHECK(stream.flush().empty());
}

TEST_CASE("incomplete UTF-8 is held back until it is whole", "[serving]") {
    TextStream stream({});
    CHECK(stream.push("\xE2\x82").empty());
    CHECK(stream.push("\xAC!") == "\xE2\x82\xAC!");
    CHECK(stream.push("\xF0\x9F").empty());
    CHECK(stream.flush() == "\xF0\x9F");
    CHECK(incomplete_utf8_tail("abc") == 0);
}

TEST_CASE("completion requests are read with OpenAI's defaults", "[serving]") {
    const ApiRequest request = accepted(R"({"model":"toy","prompt":["a","b"],"n":2,"stop":"x",
        "seed":-3,"stream":true,"stream_options":{"include_usage":true},"logprobs":2,"new":1})");
    CHECK(request.prompts.size() == 2);
    CHECK(request.choices == 2);
    CHECK(request.max_tokens == 16);
    CHECK(request.stop == std::vector<std::string>{"x"});
    CHECK(request.seed_given);
    CHECK(request.include_usage);
    CHECK(request.logprobs == 2);
    const ApiRequest ids = accepted(R"({"model":"toy","prompt":[1,2,255],"max_tokens":0})");
    CHECK(std::get<std::vector<int32_t>>(ids.prompts.front()).size() == 3);
}

TEST_CASE("chat requests become a ChatML prompt", "[serving]") {
    const ApiRequest request = accepted(
        R"({"model":"toy","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":5})",
        true);
    CHECK(std::get<std::string>(request.prompts.front()) ==
          "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
    CHECK(request.max_tokens == 5);
}

TEST_CASE("bad requests are refused by name in OpenAI's shape", "[serving]") {
    CHECK(refused("{oops").message.find("JSON") != std::string::npos);
    const ApiError unknown = refused(R"({"model":"gpt-4","prompt":"x"})");
    CHECK(unknown.status == 404);
    CHECK(unknown.code == "model_not_found");
    CHECK(refused(R"({"model":"toy"})").param == "prompt");
    CHECK(refused(R"({"model":"toy","prompt":"x","temperature":9})").param == "temperature");
    CHECK(refused(R"({"model":"toy","prompt":"x","top_p":"y"})").param == "top_p");
    CHECK(refused(R"({"model":"toy","prompt":"x","max_tokens":129})").param == "max_tokens");
    CHECK(refused(R"({"model":"toy","prompt":"x","max_tokens":18446744073709551615})").param ==
          "max_tokens");
    CHECK(refused(R"({"model":"toy","prompt":[1,256]})").param == "prompt");
    CHECK(refused(R"({"model":"toy","prompt":"x","n":9})").param == "n");
    CHECK(refused(R"({"model":"toy","prompt":"x","stop":["1","2","3","4","5"]})").param == "stop");
    CHECK(refused(R"({"model":"toy","prompt":"x","tools":[{}]})").param == "tools");
    CHECK(refused(R"({"model":"toy","messages":[]})", true).param == "messages");
    CHECK(error_json(unknown).find("\"param\":\"model\"") != std::string::npos);
    CHECK(error_json({500, "x", "server_error", "", ""}).find("\"code\":null") !=
          std::string::npos);
}

TEST_CASE("answers and chunks have the shape that clients read", "[serving]") {
    AnswerHead head{"cmpl-1", 5, "toy", "root", false, false};
    Choice choice;
    choice.text = "hello";
    choice.finish_reason = "stop";
    const std::string answer = answer_json(head, {choice}, {3, 2, 0});
    CHECK(answer.find("\"total_tokens\":5") != std::string::npos);
    CHECK(answer.find("\"object\":\"text_completion\"") != std::string::npos);
    head.chat = true;
    CHECK(answer_json(head, {choice}, {}).find("\"role\":\"assistant\"") != std::string::npos);
    CHECK(chunk_json(head, choice, true).find("\"content\":\"\"") != std::string::npos);
    CHECK(usage_chunk_json(head, {1, 1, 0}).find("\"choices\":[]") != std::string::npos);
}

}  // namespace
}  // namespace assay
