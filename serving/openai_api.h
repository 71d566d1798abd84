// The OpenAI-compatible surface as values: JSON text in, requests out; answers in, JSON text out.
//
// Knows no socket and no model. nlohmann-json stays in openai_api.cpp. Unknown fields of a request
// are ignored, as OpenAI's own server does; known fields out of range are refused by name.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serving/sampler.h"

namespace assay {

struct ApiError {
    int status = 400;
    std::string message;
    std::string type = "invalid_request_error";
    std::string param;  // "" becomes null
    std::string code;   // "" becomes null
};
std::string error_json(const ApiError& error);

struct ApiLimits {
    std::string model;  // the one that is served
    int64_t context_tokens = 0;
    int64_t vocabulary = 0;
    int64_t choices_max = 16;  // prompts x n
};

// A prompt is text or token ids.
using Prompt = std::variant<std::string, std::vector<int32_t>>;

struct ApiRequest {
    bool chat = false;
    std::vector<Prompt> prompts;
    int64_t choices = 1;  // n
    std::optional<int64_t> max_tokens;
    SamplingSettings sampling;
    bool seed_given = false;
    std::vector<std::string> stop;
    bool stream = false;
    bool include_usage = false;
    int logprobs = -1;  // alternatives a token; -1: none asked for
    bool echo = false;
    bool ignore_end = false;  // ignore_eos, for load generators
};
ApiError unknown_model(const std::string& asked, const std::string& served);

// From a stranger; `chat` says which endpoint's members count.
std::variant<ApiRequest, ApiError> parse_request(const std::string& body,
                                                 bool chat,
                                                 const ApiLimits& limits);

struct TokenText {
    std::string text;
    float log_probability = 0;
    std::vector<std::pair<std::string, float>> alternatives;
};
struct Choice {
    int64_t index = 0;
    std::string text;
    std::string finish_reason;      // "" while it goes on
    std::vector<TokenText> tokens;  // only if logprobs were asked for
};
struct Usage {
    int64_t prompt_tokens = 0;
    int64_t completion_tokens = 0;
    int64_t cached_tokens = 0;
};
struct AnswerHead {
    std::string id;
    int64_t created = 0;  // seconds since the epoch
    std::string model;
    std::string fingerprint;  // root of the snapshot that answered
    bool chat = false;
    bool with_logprobs = false;
};
std::string answer_json(const AnswerHead& head,
                        const std::vector<Choice>& choices,
                        const Usage& usage);
// One server-sent event's JSON. `opening`: the first of a chat choice (role, empty content).
std::string chunk_json(const AnswerHead& head, const Choice& delta, bool opening);
std::string usage_chunk_json(const AnswerHead& head, const Usage& usage);

// One entry of the list of models, and the list, which has this one alone.
std::string model_json(const std::string& model, int64_t created, int64_t context_tokens);
std::string models_json(const std::string& model, int64_t created, int64_t context_tokens);
std::string tokens_json(const std::vector<int32_t>& tokens, int64_t context_tokens);
std::string text_json(const std::string& key, const std::string& value);
std::variant<std::string, ApiError> parse_tokenize(const std::string& body);
std::variant<std::vector<int32_t>, ApiError> parse_detokenize(const std::string& body,
                                                              int64_t vocabulary);

}  // namespace assay
