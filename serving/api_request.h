// What a completion or a chat asks for: JSON text in, a request within the limits out.
//
// Knows no socket and no model. Unknown fields are ignored, as OpenAI's own server does; known ones
// out of range, and known ones that would change the answer and are not done, are refused by name.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serving/api_error.h"
#include "serving/chat_template.h"
#include "serving/sampler.h"

namespace assay {

struct ApiLimits {
    std::string model;  // the one that is served
    int64_t context_tokens = 0;
    int64_t vocabulary = 0;
    int64_t choices_max = 1024;                   // prompts x n
    const ChatTemplate* chat_template = nullptr;  // null: chats are refused
};

// A prompt is text or token ids. An empty one begins behind the end-of-text token.
using Prompt = std::variant<std::string, std::vector<int32_t>>;

struct ApiRequest {
    bool chat = false;
    std::vector<Prompt> prompts;
    int64_t choices = 1;                // n
    std::optional<int64_t> max_tokens;  // may be more than there is room for
    int64_t min_tokens = 0;
    SamplingSettings sampling;
    bool seed_given = false;
    std::vector<std::string> stop;
    std::vector<int32_t> stop_tokens;
    bool stream = false;
    bool include_usage = false;
    int logprobs = -1;  // alternatives a token; -1: none asked for
    bool echo = false;
    bool ignore_end = false;   // ignore_eos, for load generators
    bool skip_special = true;  // special tokens that are generated are no text
};

// The request, or what to tell its client. REQUIRES: limits that are more than 0.
std::variant<ApiRequest, ApiError> parse_request(const std::string& body,
                                                 bool chat,
                                                 const ApiLimits& limits);

}  // namespace assay
