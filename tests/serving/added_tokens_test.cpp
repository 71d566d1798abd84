// Special and added tokens of the tokenizer in prompts, in answers and in chats.

#include "tests/serving/service_fixture.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr int32_t kEnd = 256;
constexpr int32_t kTurn = 257;
constexpr int32_t kThink = 258;

std::unique_ptr<Service> start_marked(ServiceOptions options = {}) {
    const Tokenizer tokenizer =
        *Tokenizer::from_parts({*Bpe::from_merges({}),
                                PreTokenizer::gpt2(),
                                {{kEnd, {std::string(kEndOfText)}},
                                 {kTurn, {"<|im_end|>"}},
                                 {kThink, {.content = "<think>", .special = false}}}});
    Result<std::unique_ptr<Service>> service = Service::start(
        std::move(options), tokenizer, std::make_shared<DecoderModel>(tiny_snapshot(1, 256), 1));
    REQUIRE(service.ok());
    return std::move(*service);
}

// Always this token, so often.
json forced(int32_t token) {
    return {{"max_tokens", 3},
            {"temperature", 0},
            {"ignore_eos", true},
            {"logit_bias", {{std::to_string(token), 100}}}};
}

// The text of a stream's events.
std::string streamed(const Service& service, json body) {
    body["stream"] = true;
    const std::string events = post(service, "/v1/completions", body).body;
    std::string text;
    for (size_t at = events.find("data: {"); at != std::string::npos;
         at = events.find("data: {", at + 1)) {
        const json event = json::parse(events.substr(at + 6, events.find('\n', at) - at - 6));
        text += event["choices"][0]["text"].get<std::string>();
    }
    return text;
}

TEST_CASE("special tokens in a prompt are found, and given back", "[serving]") {
    const auto service = start_marked();
    const json body{{"prompt", "a<|endoftext|>b"}};
    const json tokens = ask(*service, "POST", "/tokenize", body.dump()).json();
    CHECK(tokens["tokens"] == json({'a', kEnd, 'b'}));
    CHECK(ask(*service, "POST", "/detokenize", tokens.dump()).json()["prompt"] ==
          "a<|endoftext|>b");
    const json answer = complete(
        *service,
        {{"prompt", "a<|endoftext|>b"}, {"echo", true}, {"max_tokens", 0}, {"logprobs", 1}});
    CHECK(answer["usage"]["prompt_tokens"] == 3);
    CHECK(text_of(answer) == "a<|endoftext|>b");
    CHECK(answer["choices"][0]["logprobs"]["tokens"] == json({"a", "<|endoftext|>", "b"}));
}

TEST_CASE("answers keep added words, and special tokens on request", "[serving]") {
    const auto service = start_marked();
    json word = forced(kThink);
    word["prompt"] = "a";
    CHECK(text_of(complete(*service, word)) == "<think><think><think>");
    CHECK(streamed(*service, word) == "<think><think><think>");
    json special = forced(kTurn);
    special["prompt"] = "a";
    CHECK(text_of(complete(*service, special)).empty());
    CHECK(streamed(*service, special).empty());
    special["skip_special_tokens"] = false;
    CHECK(text_of(complete(*service, special)) == "<|im_end|><|im_end|><|im_end|>");
    CHECK(streamed(*service, special) == "<|im_end|><|im_end|><|im_end|>");
}

TEST_CASE("a chat ends at the token that its template ends turns with", "[serving]") {
    const auto service = start_marked(chatting());
    json body = forced(kTurn);
    body["messages"] = json::array({{{"role", "user"}, {"content", "x"}}});
    const json answer = post(*service, "/v1/chat/completions", body).json();
    CHECK(answer["choices"][0]["finish_reason"] == "stop");
    CHECK(answer["choices"][0]["message"]["content"].get<std::string>().empty());
    CHECK(answer["usage"]["completion_tokens"] == 0);
}

}  // namespace
}  // namespace assay
