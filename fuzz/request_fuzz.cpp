// Bodies of HTTP requests come from strangers: each must become a request within the limits or an
// error that can be said in JSON. The first byte picks the endpoint.
#include <cmath>

#include "core/check.h"
#include "serving/api_answer.h"
#include "serving/api_request.h"
#include "serving/openai_api.h"

namespace assay {

namespace {

ApiLimits limits() {
    ApiLimits limits;
    limits.model = "m";
    limits.context_tokens = 256;
    limits.vocabulary = 1000;
    static const ChatTemplate kTemplate = *ChatTemplate::load("chatml", "");
    limits.chat_template = &kTemplate;
    return limits;
}

void check_error(const ApiError& error) {
    ASSAY_CHECK(error.status >= 400 && error.status < 500);
    ASSAY_CHECK(!error.message.empty());
    ASSAY_CHECK(error_json(error).front() == '{');
}

void check_tokens(const std::vector<int32_t>& tokens, int64_t vocabulary) {
    for (const int32_t token : tokens) {
        ASSAY_CHECK(token >= 0 && token < vocabulary);
    }
}

void check_sampling(const SamplingSettings& sampling) {
    ASSAY_CHECK(sampling.temperature >= 0 && sampling.temperature <= 2);
    ASSAY_CHECK(sampling.top_p >= 0 && sampling.top_p <= 1);
    ASSAY_CHECK(sampling.top_k >= 0);
    ASSAY_CHECK(std::fabs(sampling.presence_penalty) <= 2);
    ASSAY_CHECK(std::fabs(sampling.frequency_penalty) <= 2);
    ASSAY_CHECK(sampling.min_p >= 0 && sampling.min_p <= 1);
    ASSAY_CHECK(sampling.repetition_penalty > 0);
}

void check_request(const ApiRequest& request, const ApiLimits& limits) {
    ASSAY_CHECK(!request.prompts.empty());
    ASSAY_CHECK(request.choices >= 1);
    const auto prompts = static_cast<int64_t>(request.prompts.size());
    ASSAY_CHECK(request.choices * prompts <= limits.choices_max);
    ASSAY_CHECK(request.max_tokens.value_or(0) >= 0 && request.min_tokens >= 0);
    ASSAY_CHECK(request.logprobs >= -1 && request.logprobs <= 20);
    for (const std::string& stop : request.stop) {
        ASSAY_CHECK(!stop.empty());
    }
    for (const Prompt& prompt : request.prompts) {
        if (const auto* ids = std::get_if<std::vector<int32_t>>(&prompt)) {
            check_tokens(*ids, limits.vocabulary);
        }
    }
    check_tokens(request.stop_tokens, limits.vocabulary);
    check_sampling(request.sampling);
}

// What was asked comes back as answers: any bytes may stand in them.
void check_answers(const ApiRequest& request, const std::string& text) {
    AnswerHead head{"id", 0, "m", "f", request.chat, request.logprobs >= 0};
    const Choice choice{0, text, "stop", {{text, 1, -1.0F, 0, {{text, 1, -INFINITY}}}}};
    ASSAY_CHECK(answer_json(head, {choice}, {}).front() == '{');
    ASSAY_CHECK(chunk_json(head, choice, request.chat).front() == '{');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const ApiLimits bounds = limits();
    const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] % 4 == 2) {
        const auto text = parse_tokenize(body);
        if (const auto* error = std::get_if<ApiError>(&text)) {
            check_error(*error);
        }
    } else if (data[0] % 4 == 3) {
        const auto tokens = parse_detokenize(body, bounds.vocabulary);
        if (const auto* error = std::get_if<ApiError>(&tokens)) {
            check_error(*error);
        } else {
            check_tokens(std::get<std::vector<int32_t>>(tokens), bounds.vocabulary);
        }
    } else {
        const auto request = parse_request(body, data[0] % 4 == 1, bounds);
        if (const auto* error = std::get_if<ApiError>(&request)) {
            check_error(*error);
        } else {
            check_request(std::get<ApiRequest>(request), bounds);
            check_answers(std::get<ApiRequest>(request), body);
        }
    }
    return 0;
}

}  // namespace assay
