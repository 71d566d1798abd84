// Sampling, text streaming and the API's JSON: all pure.

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "serving/api_answer.h"
#include "serving/api_request.h"
#include "serving/sampler.h"
#include "serving/text_offsets.h"
#include "serving/text_stream.h"

namespace assay {
namespace {

const ChatTemplate& chatml() {
    static const ChatTemplate kTemplate = *ChatTemplate::load("chatml", "");
    return kTemplate;
}
const ApiLimits kLimits{"toy", 128, 256, 8, &chatml()};

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
    CHECK(sample_token(logits, {}, settings, 0).token == 1);
    settings.presence_penalty = 1;
    const std::vector<int32_t> seen = {1};
    CHECK(sample_token(logits, {{}, seen, {}, 0}, settings, 0).token == 2);
}

TEST_CASE("a draw depends on seed and position alone and follows the distribution", "[serving]") {
    const std::vector<float> logits = {0.0F, std::log(3.0F)};
    SamplingSettings settings;
    settings.seed = 7;
    int ones = 0;
    for (uint64_t position = 0; position < 4000; ++position) {
        const int32_t token = sample_token(logits, {{}, {}, {}, position}, settings, 0).token;
        CHECK(token == sample_token(logits, {{}, {}, {}, position}, settings, 2).token);
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
        seen.insert(sample_token(logits, {{}, {}, {}, position}, settings, 0).token);
    }
    CHECK(seen == std::set<int32_t>{0});
    settings.top_p = 1;
    settings.top_k = 2;
    settings.temperature = 2;
    for (uint64_t position = 0; position < 200; ++position) {
        seen.insert(sample_token(logits, {{}, {}, {}, position}, settings, 0).token);
    }
    CHECK(seen == std::set<int32_t>{0, 1});
}

TEST_CASE("log probabilities sum to one and are sorted", "[serving]") {
    const std::vector<float> logits = {1.0F, -2.0F, 0.25F};
    const SampledToken sampled = sample_token(logits, {{}, {}, {}, 3}, {}, 3);
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

TEST_CASE("before the least number of tokens nothing stops a stream", "[serving]") {
    TextStream stream({"END"});
    CHECK(stream.push("END EN", false) == "END EN");
    CHECK(stream.push("\xC3", false).empty());
    CHECK(stream.push("\xA9 E") == "\xC3\xA9 ");
    CHECK(stream.push("ND").empty());
    CHECK(stream.stopped());
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
    CHECK(refused(R"({"model":"toy","prompt":7})").param == "prompt");
    CHECK(refused(R"({"model":"toy","prompt":"x","temperature":9})").param == "temperature");
    CHECK(refused(R"({"model":"toy","prompt":"x","top_p":"y"})").param == "top_p");
    CHECK(refused(R"({"model":"toy","prompt":"x","max_tokens":-1})").param == "max_tokens");
    CHECK(refused(R"({"model":"toy","prompt":"x","max_tokens":1.5})").param == "max_tokens");
    CHECK(refused(R"({"model":"toy","prompt":[1,256]})").param == "prompt");
    CHECK(refused(R"({"model":"toy","prompt":"x","n":9})").param == "n");
    CHECK(refused(R"({"model":"toy","prompt":"x","stop":["1","2","3","4","5","6","7",
        "8","9","10","11","12","13","14","15","16","17"]})")
              .param == "stop");
    CHECK(refused(R"({"model":"toy","prompt":"x","tools":[{}]})").param == "tools");
    CHECK(refused(R"({"model":"toy","messages":[]})", true).param == "messages");
    CHECK(error_json(unknown).find("\"param\":\"model\"") != std::string::npos);
    CHECK(error_json({500, "x", "server_error", "", ""}).find("\"code\":null") !=
          std::string::npos);
}

TEST_CASE("what says nothing is no reason to refuse", "[serving]") {
    const ApiRequest request = accepted(
        R"({"model":"toy","prompt":"x","suffix":"","stop":["",""],"tools":[],"logit_bias":{},
        "response_format":{"type":"text"},"best_of":1,"length_penalty":1.0,"echo":false,
        "use_beam_search":false,"add_generation_prompt":true,"prompt_logprobs":null,
        "grammar":""})");
    CHECK(request.stop.empty());
    CHECK(accepted(R"({"model":"toy","stop":""})").stop.empty());
    std::string stops = R"("1")";
    for (int i = 2; i <= 16; ++i) {
        stops += ",\"" + std::to_string(i) + "\"";
    }
    CHECK(accepted(R"({"model":"toy","stop":[)" + stops + "]}").stop.size() == 16);
}

TEST_CASE("what is missing or empty is an empty prompt", "[serving]") {
    for (const char* body : {R"({"model":"toy"})",
                             R"({"model":"toy","prompt":null})",
                             R"({"model":"toy","prompt":""})",
                             R"({"model":"toy","prompt":[]})",
                             R"({"model":"toy","prompt":[""]})"}) {
        const ApiRequest request = accepted(body);
        REQUIRE(request.prompts.size() == 1);
        CHECK(std::get<std::string>(request.prompts.front()).empty());
    }
    const ApiRequest ids = accepted(R"({"model":"toy","prompt":[[]]})");
    CHECK(std::get<std::vector<int32_t>>(ids.prompts.front()).empty());
}

TEST_CASE("a whole number may be written with a point", "[serving]") {
    const ApiRequest request = accepted(
        R"({"model":"toy","prompt":[16.0,2],"max_tokens":4.0,"n":1.0,"seed":7.0,"top_k":3.0,
        "logprobs":1.0})");
    CHECK(request.max_tokens == 4);
    CHECK(request.sampling.seed == 7);
    CHECK(request.sampling.top_k == 3);
    CHECK(request.logprobs == 1);
    CHECK(std::get<std::vector<int32_t>>(request.prompts.front()) == std::vector<int32_t>{16, 2});
    CHECK(accepted(R"({"model":"toy","max_tokens":1e300})").max_tokens == INT64_MAX);
    CHECK(accepted(R"({"model":"toy","max_tokens":18446744073709551615})").max_tokens == INT64_MAX);
    CHECK(accepted(R"({"model":"toy","seed":18446744073709551615})").sampling.seed == UINT64_MAX);
}

TEST_CASE("fields that change the answer are done or refused by name", "[serving]") {
    const ApiRequest request = accepted(
        R"({"model":"toy","prompt":"x","min_p":0.5,"repetition_penalty":1.5,"min_tokens":3,
        "stop_token_ids":[4,5],"logit_bias":{"7":-100,"8":2.5},"skip_special_tokens":false})");
    CHECK(request.sampling.min_p == 0.5);
    CHECK(request.sampling.repetition_penalty == 1.5);
    CHECK(request.sampling.logit_bias == std::map<int32_t, double>{{7, -100}, {8, 2.5}});
    CHECK(request.min_tokens == 3);
    CHECK(request.stop_tokens == std::vector<int32_t>{4, 5});
    CHECK_FALSE(request.skip_special);
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"best_of", "3"},
        {"min_p", "2"},
        {"repetition_penalty", "0"},
        {"min_tokens", "17"},
        {"stop_token_ids", "[256]"},
        {"stop_token_ids", "7"},
        {"logit_bias", R"({"256":1})"},
        {"logit_bias", R"({"a":1})"},
        {"logit_bias", R"({"1":101})"},
        {"logit_bias", "[1]"},
        {"prompt_logprobs", "0"},
        {"suffix", R"("x")"},
        {"response_format", R"({"type":"json_object"})"},
        {"guided_regex", R"("a+")"},
        {"use_beam_search", "true"},
        {"length_penalty", "0.5"},
        {"include_stop_str_in_output", "true"},
        {"truncate_prompt_tokens", "5"},
        {"max_new_tokens", "5"},
        {"bad_words", R"(["x"])"}};
    for (const auto& [name, value] : wrong) {
        INFO(name << ": " << value);
        std::string body = R"({"model":"toy","prompt":"x",")";
        body += name;
        body += "\":";
        body += value;
        body += "}";
        const ApiError error = refused(body);
        CHECK(error.status == 400);
        CHECK(error.param == name);
        CHECK(error.message.find(name == "stop_token_ids" || name == "logit_bias" ? "" : name) !=
              std::string::npos);
    }
    const std::string chat = R"({"model":"toy","messages":[{"role":"user"}],)";
    CHECK(refused(chat + R"("echo":true})", true).param == "echo");
    CHECK(refused(chat + R"("top_logprobs":2})", true).param == "top_logprobs");
}

TEST_CASE("messages may have no content, or parts", "[serving]") {
    const ApiRequest request = accepted(
        R"({"model":"toy","messages":[{"role":"assistant","tool_calls":[{"id":"1"}]},
        {"role":"tool","content":null},
        {"role":"user","content":[{"type":"text","text":"a"},"b"]}]})",
        true);
    CHECK(std::get<std::string>(request.prompts.front()) ==
          "<|im_start|>assistant\n<|im_end|>\n<|im_start|>tool\n<|im_end|>\n"
          "<|im_start|>user\nab<|im_end|>\n<|im_start|>assistant\n");
    CHECK(request.stop == std::vector<std::string>{"<|im_end|>"});
    CHECK(
        refused(R"({"model":"toy","messages":[{"role":"user","content":[{"type":"image_url"}]}]})",
                true)
            .param == "messages");
    ApiLimits base = kLimits;
    base.chat_template = nullptr;
    const auto none =
        parse_request(R"({"model":"toy","messages":[{"role":"user","content":"a"}]})", true, base);
    REQUIRE(std::holds_alternative<ApiError>(none));
    CHECK(std::get<ApiError>(none).code == "chat_template_missing");
    CHECK(std::get<ApiError>(none).message.find("--chat-template") != std::string::npos);
}

TEST_CASE("min-p, bias, repetition and forbidden tokens change what is drawn", "[serving]") {
    const std::vector<float> logits = {3.0F, 2.0F, 1.0F, 0.0F};
    SamplingSettings settings;
    settings.temperature = 0;
    const std::vector<int32_t> first = {0};
    CHECK(sample_token(logits, {{}, {}, first, 0}, settings, 0).token == 1);
    settings.logit_bias = {{3, 4}};
    CHECK(sample_token(logits, {}, settings, 0).token == 3);
    settings.logit_bias = {{0, -100}, {99, 1}};
    CHECK(sample_token(logits, {}, settings, 0).token == 1);
    settings.logit_bias.clear();
    settings.repetition_penalty = 4;
    CHECK(sample_token(logits, {first, {}, {}, 0}, settings, 0).token == 1);
    CHECK(sample_token(logits, {{}, first, {}, 0}, settings, 0).token == 1);
    settings.repetition_penalty = 1;
    settings.temperature = 1;
    settings.min_p = 0.3;  // the second has 0.37 of the first's probability, the third 0.14
    std::set<int32_t> seen;
    for (uint64_t position = 0; position < 200; ++position) {
        seen.insert(sample_token(logits, {{}, {}, {}, position}, settings, 0).token);
    }
    CHECK(seen == std::set<int32_t>{0, 1});
}

TEST_CASE("logits that are no numbers are never drawn", "[serving]") {
    const std::vector<float> logits = {NAN, 1.0F, NAN, 0.5F};
    SamplingSettings settings;
    for (uint64_t position = 0; position < 100; ++position) {
        const SampledToken drawn = sample_token(logits, {{}, {}, {}, position}, settings, 4);
        CHECK((drawn.token == 1 || drawn.token == 3));
        CHECK(drawn.alternatives.front().token == 1);
    }
    CHECK(std::isinf(rate_token(logits, 0, 0).log_probability));
}

TEST_CASE("offsets count code points, and a token inside a character begins where it does",
          "[serving]") {
    TextOffsets offsets;
    CHECK(offsets.append("a") == 0);
    CHECK(offsets.append("\xC3") == 1);
    CHECK(offsets.append("\xA9") == 1);
    CHECK(offsets.append("") == 2);
    CHECK(offsets.append("\xF0\x9F\x98\x80z") == 2);
    CHECK(offsets.append("\xE6\x97") == 4);
    CHECK(offsets.append("z") == 5);     // the cut one became U+FFFD
    CHECK(offsets.append("\x80") == 6);  // and one that follows nothing
    CHECK(offsets.append("\xE0\x80") == 7);
    CHECK(offsets.append("e") == 9);
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

TEST_CASE("alternatives with equal text stay apart, and bytes are given", "[serving]") {
    AnswerHead head{"cmpl-1", 5, "toy", "root", false, true};
    Choice choice;
    choice.tokens = {{"\xE6\x97",
                      3,
                      -1.0F,
                      0,
                      {{"\xE6\x97", 3, -1.0F},
                       {"\xE6\x98", 4, -2.0F},
                       {"a", 5, -3.0F},
                       {"a", 6, -4.0F},
                       {"", 7, -INFINITY}}}};
    const std::string text = answer_json(head, {choice}, {});
    for (const char* part : {R"("bytes:\\xe6\\x97":-1.0)",
                             R"("bytes:\\xe6\\x98":-2.0)",
                             R"("a":-3.0)",
                             R"("token_id:6":-4.0)",
                             R"("token_id:7":-9999.0)",
                             R"("bytes":[[230,151]])"}) {
        INFO(text << " has no " << part);
        CHECK(text.find(part) != std::string::npos);
    }
    head.chat = true;
    const std::string chat = answer_json(head, {choice}, {});
    CHECK(chat.find(R"("bytes":[230,152],"logprob":-2.0)") != std::string::npos);
}

}  // namespace
}  // namespace assay
