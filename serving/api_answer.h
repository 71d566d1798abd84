// Answers as values, and the JSON that clients read. Knows no socket and no model.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace assay {

struct RatedText {
    std::string bytes;  // of a token; need not be UTF-8
    int32_t token = 0;
    float log_probability = 0;
};

struct TokenText {
    std::string bytes;
    int32_t token = 0;
    std::optional<float> log_probability;  // nothing comes before a prompt's first token
    size_t offset = 0;                     // in the choice's text, in code points
    std::vector<RatedText> alternatives;
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

// The whole answer. REQUIRES: the choices stand in order of their indices, from 0 on.
std::string answer_json(const AnswerHead& head,
                        const std::vector<Choice>& choices,
                        const Usage& usage);
// One server-sent event's JSON. `opening`: the first of a chat choice (role, empty content).
std::string chunk_json(const AnswerHead& head, const Choice& delta, bool opening);
std::string usage_chunk_json(const AnswerHead& head, const Usage& usage);

}  // namespace assay
