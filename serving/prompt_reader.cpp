#include "serving/prompt_reader.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr size_t kPromptBytesMax = 1U << 20;
constexpr int64_t kRatedMax = 4U << 20;  // log-probabilities in one answer, alternatives included

ApiError refused(const ApiRequest& request, const std::string& message, const char* code = "") {
    return {400, message, "invalid_request_error", request.chat ? "messages" : "prompt", code};
}

std::variant<PromptTokens, ApiError> read_prompt(const ApiRequest& request,
                                                 const Prompt& prompt,
                                                 const Tokenizer& tokenizer) {
    PromptTokens read;
    if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) {
        read.tokens = *ids;
    } else if (std::get<std::string>(prompt).size() <= kPromptBytesMax) {
        read.tokens = tokenizer.encode_marked(std::get<std::string>(prompt));
    } else {
        return refused(request, "the prompt is far too long", "context_length_exceeded");
    }
    if (read.tokens.empty()) {
        if (!tokenizer.end_of_text()) {
            return refused(request,
                           "the prompt is empty, and this model's tokenizer has no end of text "
                           "that an answer could begin behind");
        }
        read = {{*tokenizer.end_of_text()}, true};
    }
    return read;
}

// Of tokens that are asked with log-probabilities.
bool rates_too_many(const ApiRequest& request,
                    const std::vector<PromptTokens>& prompts,
                    int64_t context_tokens) {
    if (request.logprobs < 0) {
        return false;
    }
    int64_t tokens = 0;
    for (const PromptTokens& prompt : prompts) {
        const auto size = static_cast<int64_t>(prompt.tokens.size());
        ASSAY_CHECK_LE(size, context_tokens);
        tokens += std::min(context_tokens - size, request.max_tokens.value_or(context_tokens)) +
                  (request.echo ? size : 0);
    }
    return tokens * request.choices * (request.logprobs + 1) > kRatedMax;
}

}  // namespace

std::variant<std::vector<PromptTokens>, ApiError> read_prompts(const ApiRequest& request,
                                                               const Tokenizer& tokenizer,
                                                               int64_t context_tokens) {
    ASSAY_CHECK_LT(int64_t{0}, context_tokens);
    std::vector<PromptTokens> all;
    for (const Prompt& prompt : request.prompts) {
        auto read = read_prompt(request, prompt, tokenizer);
        if (auto* error = std::get_if<ApiError>(&read)) {
            return *error;
        }
        all.push_back(std::get<PromptTokens>(std::move(read)));
        const auto size = static_cast<int64_t>(all.back().tokens.size());
        if (size + (request.max_tokens.value_or(1) > 0 ? 1 : 0) > context_tokens) {
            return refused(
                request,
                "the prompt has " + std::to_string(size) + " tokens; this model's context is " +
                    std::to_string(context_tokens) + ", of which at least one is for the answer",
                "context_length_exceeded");
        }
    }
    ASSAY_CHECK_EQ(all.size(), request.prompts.size());
    if (rates_too_many(request, all, context_tokens)) {
        return ApiError{400,
                        "too many log-probabilities in one request: ask fewer prompts at a time, "
                        "fewer alternatives or fewer tokens",
                        "invalid_request_error",
                        "logprobs",
                        ""};
    }
    return all;
}

}  // namespace assay
