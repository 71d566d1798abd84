#include "serving/api_request.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "serving/json_fields.h"

namespace assay {

namespace {

using nlohmann::json;

constexpr size_t kStopStringsMax = 16;
constexpr int kAlternativesMax = 20;

// Fields of this and of other servers that would change the answer, and the value that does not.
const json& fields_not_done() {
    static const json kFields = {{"tools", nullptr},
                                 {"functions", nullptr},
                                 {"response_format", {{"type", "text"}}},
                                 {"suffix", nullptr},
                                 {"modalities", {"text"}},
                                 {"audio", nullptr},
                                 {"web_search_options", nullptr},
                                 {"prompt_logprobs", nullptr},
                                 {"prompt_embeds", nullptr},
                                 {"truncate_prompt_tokens", nullptr},
                                 {"include_stop_str_in_output", false},
                                 {"return_tokens_as_token_ids", false},
                                 {"return_token_ids", false},
                                 {"logprob_token_ids", nullptr},
                                 {"allowed_token_ids", nullptr},
                                 {"bad_words", nullptr},
                                 {"logits_processors", nullptr},
                                 {"structured_outputs", nullptr},
                                 {"guided_json", nullptr},
                                 {"guided_regex", nullptr},
                                 {"guided_choice", nullptr},
                                 {"guided_grammar", nullptr},
                                 {"json_schema", nullptr},
                                 {"grammar", nullptr},
                                 {"use_beam_search", false},
                                 {"length_penalty", 1},
                                 {"early_stopping", false},
                                 {"chat_template", nullptr},
                                 {"documents", nullptr},
                                 {"add_generation_prompt", true},
                                 {"continue_final_message", false},
                                 {"repeat_penalty", 1},
                                 {"typical_p", 1},
                                 {"tfs_z", 1},
                                 {"top_a", 0},
                                 {"mirostat", 0},
                                 {"dry_multiplier", 0},
                                 {"xtc_probability", 0},
                                 {"dynatemp_range", 0},
                                 {"n_predict", nullptr},
                                 {"max_new_tokens", nullptr}};
    return kFields;
}

void refuse_what_is_not_done(const json& body, bool chat) {
    for (const auto& [name, neutral] : fields_not_done().items()) {
        if (!is_given(body, name.c_str())) {
            continue;
        }
        const json& value = body[name];
        const bool says_nothing = value.empty() || value == json("") || value == neutral;
        if (!says_nothing) {
            refuse(name, name + " is not supported by this server");
        }
    }
    if (chat && flag_of(body, "echo")) {
        refuse("echo", "echo is for completions, not for chats");
    }
}

std::vector<Prompt> prompts_of(const json& body, const ApiLimits& limits) {
    if (!is_given(body, "prompt")) {
        return {std::string()};
    }
    const json& prompt = body["prompt"];
    if (prompt.is_string()) {
        return {prompt.get<std::string>()};
    }
    if (!prompt.is_array()) {
        refuse("prompt", "prompt must be a string, a list of strings, or token ids");
    }
    if (prompt.empty()) {
        return {std::string()};
    }
    if (prompt.front().is_number()) {
        return {token_ids(prompt, limits.vocabulary, "prompt")};
    }
    std::vector<Prompt> prompts;
    for (const json& entry : prompt) {
        if (entry.is_string()) {
            prompts.emplace_back(entry.get<std::string>());
        } else if (entry.is_array()) {
            prompts.emplace_back(token_ids(entry, limits.vocabulary, "prompt"));
        } else {
            refuse("prompt", "prompt must be a string, a list of strings, or token ids");
        }
    }
    return prompts;
}

// A message that calls a tool has none.
std::string content_of(const json& message) {
    if (!is_given(message, "content")) {
        return "";
    }
    const json& content = message["content"];
    if (content.is_string()) {
        return content.get<std::string>();
    }
    if (!content.is_array()) {
        refuse("messages", "a message's content must be a string or a list of parts");
    }
    std::string text;
    for (const json& part : content) {
        if (part.is_string()) {
            text += part.get<std::string>();
        } else if (part.is_object() && part.value("type", "") == "text") {
            text += part.value("text", "");
        } else {
            refuse("messages", "only text content is supported");
        }
    }
    return text;
}

std::vector<ChatMessage> messages_of(const json& body) {
    if (!body.contains("messages") || !body["messages"].is_array() || body["messages"].empty()) {
        refuse("messages", "messages must be a list with at least one message");
    }
    std::vector<ChatMessage> messages;
    for (const json& message : body["messages"]) {
        if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) {
            refuse("messages", "each message needs a role");
        }
        messages.push_back({message["role"].get<std::string>(), content_of(message)});
    }
    return messages;
}

Prompt chat_prompt(const json& body, const ApiLimits& limits) {
    const std::vector<ChatMessage> messages = messages_of(body);
    if (limits.chat_template == nullptr) {
        throw Refused{{400,
                       "this model has no chat template: it continues text, so ask "
                       "/v1/completions; a server that was started with --chat-template "
                       "chatml|plain|FILE answers chats",
                       "invalid_request_error",
                       "messages",
                       "chat_template_missing"}};
    }
    Result<std::string> prompt = limits.chat_template->render(messages);
    if (!prompt) {
        refuse("messages", "the chat template refuses these messages: " + prompt.reason());
    }
    return *prompt;
}

std::vector<std::string> stop_of(const json& body) {
    if (!is_given(body, "stop")) {
        return {};
    }
    std::vector<std::string> stop;
    const json list = body["stop"].is_array() ? body["stop"] : json::array({body["stop"]});
    for (const json& entry : list) {
        if (!entry.is_string()) {
            refuse("stop", "stop must be a string or a list of up to 16 strings");
        }
        if (!entry.get<std::string>().empty()) {
            stop.push_back(entry.get<std::string>());
        }
    }
    if (stop.size() > kStopStringsMax) {
        refuse("stop", "stop has " + std::to_string(stop.size()) + " strings; at most 16");
    }
    return stop;
}

std::vector<int32_t> stop_tokens_of(const json& body, const ApiLimits& limits) {
    if (!is_given(body, "stop_token_ids")) {
        return {};
    }
    if (!body["stop_token_ids"].is_array()) {
        refuse("stop_token_ids", "stop_token_ids must be a list of token ids");
    }
    return token_ids(body["stop_token_ids"], limits.vocabulary, "stop_token_ids");
}

int logprobs_of(const json& body, bool chat) {
    if (!chat) {
        if (body.contains("logprobs") && body["logprobs"].is_boolean()) {
            return body["logprobs"].get<bool>() ? 0 : -1;
        }
        return static_cast<int>(integer_in(body, "logprobs", 0, kAlternativesMax).value_or(-1));
    }
    const int64_t top = integer_in(body, "top_logprobs", 0, kAlternativesMax).value_or(0);
    if (flag_of(body, "logprobs")) {
        return static_cast<int>(top);
    }
    if (top > 0) {
        refuse("top_logprobs", "top_logprobs needs logprobs: true");
    }
    return -1;
}

std::map<int32_t, double> logit_bias_of(const json& body, const ApiLimits& limits) {
    std::map<int32_t, double> biases;
    if (!is_given(body, "logit_bias")) {
        return biases;
    }
    if (!body["logit_bias"].is_object()) {
        refuse("logit_bias", "logit_bias must be an object: token ids with numbers");
    }
    for (const auto& [name, value] : body["logit_bias"].items()) {
        const json id = json::parse(name, nullptr, false);
        const int32_t token = token_ids(json::array({id.is_number_integer() ? id : json(name)}),
                                        limits.vocabulary,
                                        "logit_bias")
                                  .front();
        if (!value.is_number() || !(std::abs(value.get<double>()) <= 100)) {
            refuse("logit_bias", "a bias must be a number between -100 and 100");
        }
        biases[token] = value.get<double>();
    }
    return biases;
}

uint64_t seed_of(const json& body) {
    const bool large = is_given(body, "seed") && body["seed"].is_number_unsigned();
    return large
               ? body["seed"].get<uint64_t>()
               : static_cast<uint64_t>(integer_in(body, "seed", INT64_MIN, INT64_MAX).value_or(0));
}

SamplingSettings sampling_of(const json& body, const ApiLimits& limits) {
    SamplingSettings sampling;
    sampling.temperature = number_in(body, "temperature", 0, 2, 1);
    sampling.top_p = number_in(body, "top_p", 0, 1, 1);
    sampling.top_k = std::max<int64_t>(0, integer_in(body, "top_k", -1, INT32_MAX).value_or(0));
    sampling.min_p = number_in(body, "min_p", 0, 1, 0);
    sampling.presence_penalty = number_in(body, "presence_penalty", -2, 2, 0);
    sampling.frequency_penalty = number_in(body, "frequency_penalty", -2, 2, 0);
    sampling.repetition_penalty = number_in(body, "repetition_penalty", 0.01, 100, 1);
    sampling.logit_bias = logit_bias_of(body, limits);
    sampling.seed = seed_of(body);
    return sampling;
}

void check_model(const json& body, const ApiLimits& limits) {
    if (!body.contains("model") || !body["model"].is_string()) {
        refuse("model", "model is missing; this server has " + limits.model);
    }
    const std::string model = body["model"].get<std::string>();
    if (model != limits.model) {
        throw Refused{unknown_model(model, limits.model)};
    }
}

void read_choices(const json& body, const ApiLimits& limits, ApiRequest& request) {
    request.choices = integer_in(body, "n", 1, limits.choices_max).value_or(1);
    if (request.choices * static_cast<int64_t>(request.prompts.size()) > limits.choices_max) {
        refuse("n", "prompts times n is more than " + std::to_string(limits.choices_max));
    }
    const int64_t best_of = integer_in(body, "best_of", 0, INT64_MAX).value_or(request.choices);
    if (best_of != request.choices) {
        refuse("best_of", "best_of must be n: no answers are made that are not given");
    }
}

void read_lengths(const json& body, ApiRequest& request) {
    request.max_tokens = integer_in(body, "max_tokens", 0, INT64_MAX);
    if (const auto newer = integer_in(body, "max_completion_tokens", 0, INT64_MAX)) {
        request.max_tokens = newer;
    }
    if (!request.max_tokens && !request.chat) {
        request.max_tokens = 16;  // what OpenAI's completions do
    }
    request.min_tokens = integer_in(body, "min_tokens", 0, INT64_MAX).value_or(0);
    if (request.max_tokens && request.min_tokens > *request.max_tokens) {
        refuse("min_tokens", "min_tokens is more than max_tokens");
    }
}

void read_stops(const json& body, const ApiLimits& limits, ApiRequest& request) {
    ASSAY_CHECK(!request.chat || limits.chat_template != nullptr);
    request.stop = stop_of(body);
    if (request.chat) {
        const std::vector<std::string>& ends = limits.chat_template->stop();
        request.stop.insert(request.stop.end(), ends.begin(), ends.end());
    }
    request.stop_tokens = stop_tokens_of(body, limits);
    request.ignore_end = flag_of(body, "ignore_eos");
}

// What the rest of the service relies on, whatever was asked.
void check_within(const ApiRequest& request, const ApiLimits& limits) {
    const auto prompts = static_cast<int64_t>(request.prompts.size());
    ASSAY_CHECK(prompts > 0 && request.choices > 0);
    ASSAY_CHECK_LE(prompts * request.choices, limits.choices_max);
    ASSAY_CHECK(request.min_tokens >= 0 && request.max_tokens.value_or(0) >= 0);
    ASSAY_CHECK(request.logprobs >= -1 && request.logprobs <= kAlternativesMax);
}

ApiRequest request_of(const json& body, bool chat, const ApiLimits& limits) {
    check_model(body, limits);
    refuse_what_is_not_done(body, chat);
    ApiRequest request;
    request.chat = chat;
    request.prompts =
        chat ? std::vector<Prompt>{chat_prompt(body, limits)} : prompts_of(body, limits);
    read_choices(body, limits, request);
    read_lengths(body, request);
    read_stops(body, limits, request);
    request.sampling = sampling_of(body, limits);
    request.seed_given = is_given(body, "seed");
    request.stream = flag_of(body, "stream");
    if (body.contains("stream_options") && body["stream_options"].is_object()) {
        request.include_usage = flag_of(body["stream_options"], "include_usage");
    }
    request.logprobs = logprobs_of(body, chat);
    request.echo = flag_of(body, "echo");
    request.skip_special = flag_of(body, "skip_special_tokens", true);
    check_within(request, limits);
    return request;
}

}  // namespace

std::variant<ApiRequest, ApiError> parse_request(const std::string& body,
                                                 bool chat,
                                                 const ApiLimits& limits) {
    ASSAY_CHECK(limits.vocabulary > 0 && limits.context_tokens > 0 && limits.choices_max > 0);
    return guarded<ApiRequest>([&] { return request_of(parse_object(body), chat, limits); });
}

}  // namespace assay
