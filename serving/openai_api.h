// The small routes beside completions: models, tokens. JSON text in and out; no socket, no model.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serving/api_error.h"

namespace assay {

// One entry of the list of models, and the list, which has this one alone.
std::string model_json(const std::string& model, int64_t created, int64_t context_tokens);
std::string models_json(const std::string& model, int64_t created, int64_t context_tokens);

struct TokenizeRequest {
    std::string text;
    bool with_texts = false;  // return_token_strs
};
std::variant<TokenizeRequest, ApiError> parse_tokenize(const std::string& body);
// `texts` stand beside the tokens where they are asked for.
std::string tokens_json(const std::vector<int32_t>& tokens,
                        const std::optional<std::vector<std::string>>& texts,
                        int64_t context_tokens);
std::variant<std::vector<int32_t>, ApiError> parse_detokenize(const std::string& body,
                                                              int64_t vocabulary);

// What clients that tokenize for themselves ask: texts of the special tokens, "" where none is.
struct TokenizerInfo {
    std::string end_of_text;
    std::string chat_template;
    int64_t vocabulary = 0;
    int64_t context_tokens = 0;
};
// What /tokenizer_info answers.
std::string tokenizer_info_json(const TokenizerInfo& info);

// An object with this one member.
std::string text_json(const std::string& key, const std::string& value);

}  // namespace assay
