#include "serving/openai_api.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/json_depth.h"

namespace assay {

namespace {

using nlohmann::json;

constexpr size_t kStopStringsMax = 4;
constexpr int kAlternativesMax = 20;
constexpr size_t kPromptTokensMax = 1U << 20;

struct Refused {
    ApiError error;
};

[[noreturn]] void refuse(const std::string& param, const std::string& message) {
    throw Refused{{400, message, "invalid_request_error", param, ""}};
}

json or_null(const std::string& text) {
    return text.empty() ? json(nullptr) : json(text);
}

double number_in(const json& body, const char* name, double low, double high, double otherwise) {
    if (!body.contains(name) || body[name].is_null()) {
        return otherwise;
    }
    if (!body[name].is_number()) {
        refuse(name, std::string(name) + " must be a number");
    }
    const double value = body[name].get<double>();
    if (!std::isfinite(value) || value < low || value > high) {
        refuse(name,
               std::string(name) + " is " + body[name].dump() + "; it must be between " +
                   json(low).dump() + " and " + json(high).dump());
    }
    return value;
}

std::optional<int64_t> integer_in(const json& body, const char* name, int64_t low, int64_t high) {
    if (!body.contains(name) || body[name].is_null()) {
        return std::nullopt;
    }
    if (!body[name].is_number_integer()) {
        refuse(name, std::string(name) + " must be an integer");
    }
    const bool too_large = body[name].is_number_unsigned() &&
                           body[name].get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
    const int64_t value = too_large ? INT64_MAX : body[name].get<int64_t>();
    if (value < low || value > high) {
        refuse(name,
               std::string(name) + " is " + body[name].dump() + "; it must be between " +
                   std::to_string(low) + " and " + std::to_string(high));
    }
    return value;
}

bool flag_of(const json& body, const char* name) {
    if (!body.contains(name) || body[name].is_null()) {
        return false;
    }
    if (!body[name].is_boolean()) {
        refuse(name, std::string(name) + " must be true or false");
    }
    return body[name].get<bool>();
}

std::vector<int32_t> token_ids(const json& list, int64_t vocabulary, const char* name) {
    if (list.size() > kPromptTokensMax) {
        refuse(name, std::string(name) + " has too many tokens");
    }
    std::vector<int32_t> tokens;
    for (const json& entry : list) {
        if (!entry.is_number_integer() || entry.get<int64_t>() < 0 ||
            entry.get<int64_t>() >= vocabulary) {
            refuse(name,
                   "a token id must be an integer from 0 to " + std::to_string(vocabulary - 1) +
                       "; got " + entry.dump());
        }
        tokens.push_back(entry.get<int32_t>());
    }
    return tokens;
}

std::vector<Prompt> prompts_of(const json& body, const ApiLimits& limits) {
    if (!body.contains("prompt")) {
        refuse("prompt", "prompt is missing");
    }
    const json& prompt = body["prompt"];
    if (prompt.is_string()) {
        return {prompt.get<std::string>()};
    }
    if (!prompt.is_array() || prompt.empty()) {
        refuse("prompt", "prompt must be a string, a list of strings, or token ids");
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

std::string content_of(const json& message) {
    const json& content = message.at("content");
    if (content.is_string()) {
        return content.get<std::string>();
    }
    std::string text;
    for (const json& part : content) {
        if (!part.is_object() || part.value("type", "") != "text") {
            refuse("messages", "only text content is supported");
        }
        text += part.value("text", "");
    }
    return text;
}

// A base model has no chat template of its own: ChatML, as other servers fall back to.
std::string chat_prompt(const json& body) {
    if (!body.contains("messages") || !body["messages"].is_array() || body["messages"].empty()) {
        refuse("messages", "messages must be a list with at least one message");
    }
    std::string prompt;
    for (const json& message : body["messages"]) {
        if (!message.is_object() || !message.contains("role") || !message["role"].is_string() ||
            !message.contains("content")) {
            refuse("messages", "each message needs a role and a content");
        }
        prompt += "<|im_start|>" + message["role"].get<std::string>() + "\n" + content_of(message) +
                  "<|im_end|>\n";
    }
    return prompt + "<|im_start|>assistant\n";
}

std::vector<std::string> stop_of(const json& body) {
    if (!body.contains("stop") || body["stop"].is_null()) {
        return {};
    }
    std::vector<std::string> stop;
    const json list = body["stop"].is_array() ? body["stop"] : json::array({body["stop"]});
    for (const json& entry : list) {
        if (!entry.is_string() || entry.get<std::string>().empty()) {
            refuse("stop", "stop must be a string or a list of up to 4 non-empty strings");
        }
        stop.push_back(entry.get<std::string>());
    }
    if (stop.size() > kStopStringsMax) {
        refuse("stop", "stop has " + std::to_string(stop.size()) + " strings; at most 4");
    }
    return stop;
}

int logprobs_of(const json& body, bool chat) {
    if (!chat) {
        return static_cast<int>(integer_in(body, "logprobs", 0, kAlternativesMax).value_or(-1));
    }
    const auto top = integer_in(body, "top_logprobs", 0, kAlternativesMax);
    return flag_of(body, "logprobs") ? static_cast<int>(top.value_or(0)) : -1;
}

SamplingSettings sampling_of(const json& body) {
    SamplingSettings sampling;
    sampling.temperature = number_in(body, "temperature", 0, 2, 1);
    sampling.top_p = number_in(body, "top_p", 0, 1, 1);
    sampling.top_k = std::max<int64_t>(0, integer_in(body, "top_k", -1, INT32_MAX).value_or(0));
    sampling.presence_penalty = number_in(body, "presence_penalty", -2, 2, 0);
    sampling.frequency_penalty = number_in(body, "frequency_penalty", -2, 2, 0);
    return sampling;
}

void refuse_unsupported(const json& body) {
    for (const char* name : {"tools", "functions", "response_format", "suffix", "logit_bias"}) {
        const bool plain_text = std::string(name) == "response_format" && body.contains(name) &&
                                body[name].is_object() && body[name].value("type", "") == "text";
        if (body.contains(name) && !body[name].is_null() && !body[name].empty() && !plain_text) {
            refuse(name, std::string(name) + " is not supported by this server");
        }
    }
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

ApiRequest request_of(const json& body, bool chat, const ApiLimits& limits) {
    check_model(body, limits);
    refuse_unsupported(body);
    ApiRequest request;
    request.chat = chat;
    request.prompts = chat ? std::vector<Prompt>{chat_prompt(body)} : prompts_of(body, limits);
    request.choices = integer_in(body, "n", 1, limits.choices_max).value_or(1);
    if (request.choices * static_cast<int64_t>(request.prompts.size()) > limits.choices_max) {
        refuse("n", "prompts times n is more than " + std::to_string(limits.choices_max));
    }
    const int64_t context = limits.context_tokens;
    request.max_tokens = integer_in(body, "max_tokens", 0, context);
    if (const auto newer = integer_in(body, "max_completion_tokens", 0, context)) {
        request.max_tokens = newer;
    }
    if (!request.max_tokens && !chat) {
        request.max_tokens = 16;  // what OpenAI's completions do
    }
    request.sampling = sampling_of(body);
    const auto seed = integer_in(body, "seed", INT64_MIN, INT64_MAX);
    request.seed_given = seed.has_value();
    request.sampling.seed = static_cast<uint64_t>(seed.value_or(0));
    request.stop = stop_of(body);
    if (chat) {
        request.stop.push_back("<|im_end|>");
    }
    request.stream = flag_of(body, "stream");
    if (body.contains("stream_options") && body["stream_options"].is_object()) {
        request.include_usage = flag_of(body["stream_options"], "include_usage");
    }
    request.logprobs = logprobs_of(body, chat);
    request.echo = flag_of(body, "echo");
    if (request.echo && request.stream) {
        refuse("echo", "echo cannot be combined with stream");
    }
    request.ignore_end = flag_of(body, "ignore_eos");
    return request;
}

json parse_object(const std::string& body) {
    if (const Status depth = check_json_depth(body); !depth) {
        refuse("", "the body is refused: " + depth.reason());
    }
    json parsed = json::parse(body, nullptr, false);
    if (parsed.is_discarded() || !parsed.is_object()) {
        throw Refused{{400, "the body is not a JSON object", "invalid_request_error", "", ""}};
    }
    return parsed;
}

template <typename T, typename Make>
std::variant<T, ApiError> guarded(Make make) {
    try {
        return make();
    } catch (const Refused& refused) {
        return refused.error;
    } catch (const json::exception& error) {
        return ApiError{400,
                        std::string("malformed request: ") + error.what(),
                        "invalid_request_error",
                        "",
                        ""};
    }
}

// Bytes of a token need not be UTF-8: what is not becomes U+FFFD.
std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json chat_logprobs(const std::vector<TokenText>& tokens) {
    json content = json::array();
    for (const TokenText& token : tokens) {
        json top = json::array();
        for (const auto& [text, log_probability] : token.alternatives) {
            top.push_back({{"token", text}, {"logprob", log_probability}, {"bytes", nullptr}});
        }
        content.push_back({{"token", token.text},
                           {"logprob", token.log_probability},
                           {"bytes", nullptr},
                           {"top_logprobs", top}});
    }
    return {{"content", content}};
}

json text_logprobs(const std::vector<TokenText>& tokens) {
    json texts = json::array();
    json values = json::array();
    json tops = json::array();
    json offsets = json::array();
    size_t offset = 0;
    for (const TokenText& token : tokens) {
        texts.push_back(token.text);
        values.push_back(token.log_probability);
        offsets.push_back(offset);
        offset += token.text.size();
        json top = json::object();
        for (const auto& [text, log_probability] : token.alternatives) {
            top[text] = log_probability;
        }
        tops.push_back(top);
    }
    return {{"tokens", texts},
            {"token_logprobs", values},
            {"top_logprobs", tops},
            {"text_offset", offsets}};
}

json logprobs_json(const AnswerHead& head, const std::vector<TokenText>& tokens) {
    if (!head.with_logprobs) {
        return nullptr;
    }
    return head.chat ? chat_logprobs(tokens) : text_logprobs(tokens);
}

json head_json(const AnswerHead& head, const char* object) {
    return {{"id", head.id},
            {"object", object},
            {"created", head.created},
            {"model", head.model},
            {"system_fingerprint", head.fingerprint}};
}

json usage_json(const Usage& usage) {
    return {{"prompt_tokens", usage.prompt_tokens},
            {"completion_tokens", usage.completion_tokens},
            {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
            {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

const char* chunk_object(const AnswerHead& head) {
    return head.chat ? "chat.completion.chunk" : "text_completion";
}

}  // namespace

std::string error_json(const ApiError& error) {
    return dump({{"error",
                  {{"message", error.message},
                   {"type", error.type},
                   {"param", or_null(error.param)},
                   {"code", or_null(error.code)}}}});
}

std::variant<ApiRequest, ApiError> parse_request(const std::string& body,
                                                 bool chat,
                                                 const ApiLimits& limits) {
    return guarded<ApiRequest>([&] { return request_of(parse_object(body), chat, limits); });
}

std::string answer_json(const AnswerHead& head,
                        const std::vector<Choice>& choices,
                        const Usage& usage) {
    json answer = head_json(head, head.chat ? "chat.completion" : "text_completion");
    json list = json::array();
    for (const Choice& choice : choices) {
        json entry{{"index", choice.index},
                   {"finish_reason", or_null(choice.finish_reason)},
                   {"logprobs", logprobs_json(head, choice.tokens)}};
        if (head.chat) {
            entry["message"] = {{"role", "assistant"}, {"content", choice.text}};
        } else {
            entry["text"] = choice.text;
        }
        list.push_back(entry);
    }
    answer["choices"] = list;
    answer["usage"] = usage_json(usage);
    return dump(answer);
}

std::string chunk_json(const AnswerHead& head, const Choice& delta, bool opening) {
    json chunk = head_json(head, chunk_object(head));
    json entry{
        {"index", delta.index},
        {"finish_reason", or_null(delta.finish_reason)},
        {"logprobs", delta.tokens.empty() ? json(nullptr) : logprobs_json(head, delta.tokens)}};
    if (head.chat) {
        json content = json::object();
        if (opening) {
            content["role"] = "assistant";
            content["content"] = "";
        } else if (!delta.text.empty()) {
            content["content"] = delta.text;
        }
        entry["delta"] = content;
    } else {
        entry["text"] = delta.text;
    }
    chunk["choices"] = json::array({entry});
    return dump(chunk);
}

std::string usage_chunk_json(const AnswerHead& head, const Usage& usage) {
    json chunk = head_json(head, chunk_object(head));
    chunk["choices"] = json::array();
    chunk["usage"] = usage_json(usage);
    return dump(chunk);
}

namespace {

json model_entry(const std::string& model, int64_t created, int64_t context_tokens) {
    return {{"id", model},
            {"object", "model"},
            {"created", created},
            {"owned_by", "assay"},
            {"root", model},
            {"max_model_len", context_tokens}};
}

}  // namespace

std::string model_json(const std::string& model, int64_t created, int64_t context_tokens) {
    return dump(model_entry(model, created, context_tokens));
}

std::string models_json(const std::string& model, int64_t created, int64_t context_tokens) {
    return dump(
        {{"object", "list"}, {"data", json::array({model_entry(model, created, context_tokens)})}});
}

ApiError unknown_model(const std::string& asked, const std::string& served) {
    return {404,
            "The model `" + asked + "` does not exist; this server has `" + served + "`",
            "invalid_request_error",
            "model",
            "model_not_found"};
}

std::string tokens_json(const std::vector<int32_t>& tokens, int64_t context_tokens) {
    return dump({{"tokens", tokens}, {"count", tokens.size()}, {"max_model_len", context_tokens}});
}

std::string text_json(const std::string& key, const std::string& value) {
    return dump({{key, value}});
}

std::variant<std::string, ApiError> parse_tokenize(const std::string& body) {
    return guarded<std::string>([&]() -> std::string {
        const json parsed = parse_object(body);
        for (const char* name : {"prompt", "content"}) {
            if (parsed.contains(name) && parsed[name].is_string()) {
                return parsed[name].get<std::string>();
            }
        }
        refuse("prompt", "prompt must be a string");
    });
}

std::variant<std::vector<int32_t>, ApiError> parse_detokenize(const std::string& body,
                                                              int64_t vocabulary) {
    return guarded<std::vector<int32_t>>([&]() -> std::vector<int32_t> {
        const json parsed = parse_object(body);
        if (!parsed.contains("tokens") || !parsed["tokens"].is_array()) {
            refuse("tokens", "tokens must be a list of token ids");
        }
        return token_ids(parsed["tokens"], vocabulary, "tokens");
    });
}

}  // namespace assay
