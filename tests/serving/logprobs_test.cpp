// Log-probabilities over the API: of prompts, of streams, and what they point to.

#include <cmath>

#include "tests/serving/service_fixture.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr int32_t kEndOfText = 256;  // of the tokenizer of bytes

// What the decoder's logits say of each token of a prompt, from the second on.
std::vector<double> rated_by_decoder(const std::vector<int32_t>& tokens) {
    const Snapshot snapshot = tiny_snapshot(1);
    Decoder decoder(snapshot.shape, snapshot.theta, 1);
    const std::vector<float> logits = decoder.prompt_logits(tokens);
    const auto vocab = static_cast<size_t>(snapshot.shape.vocab);
    std::vector<double> rated;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
        const auto row = std::span(logits).subspan(i * vocab, vocab);
        double sum = 0;
        for (const float logit : row) {
            sum += std::exp(static_cast<double>(logit));
        }
        rated.push_back(static_cast<double>(row[static_cast<size_t>(tokens[i + 1])]) -
                        std::log(sum));
    }
    return rated;
}

// The chunks of a stream, joined as clients join them.
json joined_stream(const Service& service, json body) {
    body["stream"] = true;
    json joined = {{"text", ""}, {"logprobs", json::object()}};
    for (const std::string& event : post(service, "/v1/completions", body).events()) {
        if (event == "[DONE]") {
            break;
        }
        const json choice = json::parse(event)["choices"][0];
        joined["text"] = joined["text"].get<std::string>() + choice["text"].get<std::string>();
        if (choice["logprobs"].is_null()) {
            continue;
        }
        for (const auto& [name, list] : choice["logprobs"].items()) {
            json& all = joined["logprobs"][name];
            all = all.is_null() ? json::array() : all;
            all.insert(all.end(), list.begin(), list.end());
        }
    }
    return joined;
}

size_t code_points(const std::string& text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

TEST_CASE("echo with logprobs rates the prompt's tokens as the decoder does", "[serving]") {
    const auto service = start_service();
    const std::vector<int32_t> prompt = {72, 105, 33, 200, 0, 256, 104};
    const std::vector<double> expected = rated_by_decoder(prompt);
    for (const int max_tokens : {0, 1, 5}) {
        const json answer = complete(*service,
                                     {{"prompt", prompt},
                                      {"echo", true},
                                      {"logprobs", 1},
                                      {"max_tokens", max_tokens},
                                      {"temperature", 0},
                                      {"ignore_eos", true}});
        const json& rated = answer["choices"][0]["logprobs"];
        const size_t length = prompt.size() + static_cast<size_t>(max_tokens);
        for (const char* name :
             {"tokens", "token_logprobs", "top_logprobs", "text_offset", "bytes"}) {
            CHECK(rated[name].size() == length);
        }
        CHECK(answer["usage"]["total_tokens"] == length);
        CHECK(rated["token_logprobs"][0].is_null());
        CHECK(rated["top_logprobs"][0].is_null());
        for (size_t i = 1; i < length; ++i) {
            const double value = rated["token_logprobs"][i];
            const double best = rated["top_logprobs"][i].begin().value();
            CHECK(value <= best);
            CHECK((i < prompt.size() || value == best));
            CHECK((i >= prompt.size() || value == Approx(expected[i - 1]).margin(1e-5)));
        }
    }
}

TEST_CASE("a stream with echo and logprobs says what the whole answer says", "[serving]") {
    const auto service = start_service();
    for (const char* prompt : {"h\u00e9llo", "", "\u00e9"}) {
        for (const bool logprobs : {true, false}) {
            json body{{"prompt", prompt}, {"echo", true}, {"max_tokens", 12}, {"seed", 3}};
            if (logprobs) {
                body["logprobs"] = 2;
            }
            const json whole = complete(*service, body)["choices"][0];
            const json stream = joined_stream(*service, body);
            CHECK(stream["text"] == whole["text"]);
            CHECK(whole["text"].get<std::string>().rfind(prompt, 0) == 0);
            CHECK((!logprobs || stream["logprobs"] == whole["logprobs"]));
        }
    }
}

TEST_CASE("offsets point to where a token begins in the text, over a stream too", "[serving]") {
    const auto service = start_service();
    for (int seed = 0; seed < 8; ++seed) {
        const json body{{"prompt", "\u00e9"},
                        {"max_tokens", 30},
                        {"logprobs", 2},
                        {"temperature", 2.0},
                        {"ignore_eos", true},
                        {"seed", seed}};
        const json whole = complete(*service, body)["choices"][0];
        const json& offsets = whole["logprobs"]["text_offset"];
        const std::string text = whole["text"];
        std::string before;
        for (size_t i = 0; i < offsets.size(); ++i) {
            const std::string shown = printable(before);
            const size_t at = offsets[i].get<size_t>();
            CHECK((at == code_points(shown) || at + 1 == code_points(shown)));
            std::string bytes;
            for (const json& byte : whole["logprobs"]["bytes"][i]) {
                bytes += static_cast<char>(byte.get<int>());
            }
            before += bytes == "<|endoftext|>" ? "" : bytes;
        }
        CHECK(text == printable(before));
        CHECK(joined_stream(*service, body)["logprobs"] == whole["logprobs"]);
    }
}

TEST_CASE("20 alternatives are 20, whatever their texts are", "[serving]") {
    const auto service = start_service();
    const json answer = complete(*service,
                                 {{"prompt", "\u65e5"},
                                  {"max_tokens", 8},
                                  {"logprobs", 20},
                                  {"temperature", 2.0},
                                  {"ignore_eos", true},
                                  {"seed", 0}});
    for (const json& top : answer["choices"][0]["logprobs"]["top_logprobs"]) {
        CHECK(top.size() == 20);
    }
}

TEST_CASE("an empty prompt begins behind the end of text", "[serving]") {
    const auto service = start_service();
    const json settings{{"max_tokens", 6}, {"temperature", 0}, {"logprobs", 0}, {"echo", true}};
    json named = settings;
    named["prompt"] = {kEndOfText};
    const json expected = complete(*service, named);
    for (const json& prompt : {json(""), json::array(), json(nullptr), json({""})}) {
        json empty = settings;
        empty["prompt"] = prompt;
        const json answer = complete(*service, empty);
        CHECK(answer["usage"] == expected["usage"]);
        CHECK(answer["choices"][0]["logprobs"]["token_logprobs"] ==
              expected["choices"][0]["logprobs"]["token_logprobs"]);
        CHECK("<|endoftext|>" + text_of(answer) == text_of(expected));
        CHECK(answer["choices"][0]["logprobs"]["text_offset"][1] == 0);
    }
    CHECK(complete(*service, settings)["usage"] == expected["usage"]);
}

TEST_CASE("special tokens that are generated are text only where they are asked for", "[serving]") {
    const auto service = start_service();
    json body{{"prompt", "a"},
              {"max_tokens", 3},
              {"temperature", 0},
              {"ignore_eos", true},
              {"logit_bias", {{"256", 100}}}};
    CHECK(text_of(complete(*service, body)).empty());
    body["skip_special_tokens"] = false;
    CHECK(text_of(complete(*service, body)) == "<|endoftext|><|endoftext|><|endoftext|>");
    body["ignore_eos"] = false;
    const json ended = complete(*service, body);
    CHECK(ended["usage"]["completion_tokens"] == 0);
    CHECK(ended["choices"][0]["finish_reason"] == "stop");
    body["min_tokens"] = 2;
    CHECK(complete(*service, body)["usage"]["completion_tokens"] == 2);
    body["logit_bias"] = {{"65", 100}};
    body["min_tokens"] = 0;
    CHECK(text_of(complete(*service, body)) == "AAA");
    body["stop_token_ids"] = {65};
    CHECK(complete(*service, body)["choices"][0]["finish_reason"] == "stop");
}

TEST_CASE("tokens of a stop string are counted and rated like all others", "[serving]") {
    const auto service = start_service();
    const json answer = complete(*service,
                                 {{"prompt", "a"},
                                  {"max_tokens", 9},
                                  {"temperature", 0},
                                  {"logprobs", 0},
                                  {"logit_bias", {{"65", 100}}},
                                  {"stop", {"AAAA"}}});
    CHECK(text_of(answer).empty());
    CHECK(answer["usage"]["completion_tokens"] == 4);
    CHECK(answer["choices"][0]["logprobs"]["tokens"].size() == 4);
}

TEST_CASE("more log-probabilities than memory should hold are refused by name", "[serving]") {
    const auto service = start_service({}, 2048);
    std::vector<std::string> prompts(128, std::string(2000, 'a'));
    const json body{{"prompt", prompts}, {"echo", true}, {"logprobs", 20}, {"max_tokens", 0}};
    const HttpAnswer refused = post(*service, "/v1/completions", body);
    CHECK(refused.status == 400);
    CHECK(refused.json()["error"]["param"] == "logprobs");
}

}  // namespace
}  // namespace assay
