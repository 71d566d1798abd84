#include "serving/api_answer.h"

#include <cmath>
#include <cstdio>

#include "core/check.h"
#include "serving/json_fields.h"
#include "tokenizer/utf8.h"

namespace assay {

namespace {

using nlohmann::json;

// JSON has no infinities; the least that other servers say of a token that cannot come.
constexpr double kLeast = -9999;

json number(float log_probability) {
    return std::isfinite(log_probability) ? json(log_probability) : json(kLeast);
}

json number_or_null(const std::optional<float>& log_probability) {
    return log_probability ? number(*log_probability) : json(nullptr);
}

json bytes_json(const std::string& bytes) {
    json list = json::array();
    for (const char byte : bytes) {
        list.push_back(static_cast<unsigned char>(byte));
    }
    return list;
}

// A token's text where it is one, else its bytes as OpenAI writes them.
std::string label_of(const std::string& bytes) {
    if (is_utf8(bytes)) {
        return bytes;
    }
    std::string label = "bytes:";
    for (const char byte : bytes) {
        char hex[8];
        std::snprintf(hex, sizeof(hex), "\\x%02x", static_cast<unsigned char>(byte));
        label += hex;
    }
    return label;
}

json chat_logprobs(const std::vector<TokenText>& tokens) {
    json content = json::array();
    for (const TokenText& token : tokens) {
        json top = json::array();
        for (const RatedText& other : token.alternatives) {
            top.push_back({{"token", other.bytes},
                           {"logprob", number(other.log_probability)},
                           {"bytes", bytes_json(other.bytes)}});
        }
        content.push_back({{"token", token.bytes},
                           {"logprob", number_or_null(token.log_probability)},
                           {"bytes", bytes_json(token.bytes)},
                           {"top_logprobs", top}});
    }
    return {{"content", content}};
}

// Alternatives under their texts; of two with one text the later stands under its id.
json top_json(const TokenText& token) {
    if (!token.log_probability) {
        return nullptr;
    }
    json top = json::object();
    for (const RatedText& other : token.alternatives) {
        const std::string label = label_of(other.bytes);
        const bool taken = label.empty() || top.contains(label);
        top[taken ? "token_id:" + std::to_string(other.token) : label] =
            number(other.log_probability);
    }
    return top;
}

json text_logprobs(const std::vector<TokenText>& tokens) {
    json texts = json::array();
    json values = json::array();
    json tops = json::array();
    json offsets = json::array();
    json bytes = json::array();
    for (const TokenText& token : tokens) {
        texts.push_back(label_of(token.bytes));
        values.push_back(number_or_null(token.log_probability));
        offsets.push_back(token.offset);
        bytes.push_back(bytes_json(token.bytes));
        tops.push_back(top_json(token));
    }
    return {{"tokens", texts},
            {"token_logprobs", values},
            {"top_logprobs", tops},
            {"text_offset", offsets},
            {"bytes", bytes}};
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
    ASSAY_CHECK(usage.prompt_tokens >= 0 && usage.completion_tokens >= 0);
    ASSAY_CHECK(usage.cached_tokens >= 0 && usage.cached_tokens <= usage.prompt_tokens);
    return {{"prompt_tokens", usage.prompt_tokens},
            {"completion_tokens", usage.completion_tokens},
            {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
            {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

const char* chunk_object(const AnswerHead& head) {
    return head.chat ? "chat.completion.chunk" : "text_completion";
}

}  // namespace

std::string answer_json(const AnswerHead& head,
                        const std::vector<Choice>& choices,
                        const Usage& usage) {
    json answer = head_json(head, head.chat ? "chat.completion" : "text_completion");
    json list = json::array();
    for (const Choice& choice : choices) {
        ASSAY_CHECK_EQ(choice.index, static_cast<int64_t>(list.size()));  // in order, all of them
        json entry{{"index", choice.index},
                   {"finish_reason", or_null(choice.finish_reason)},
                   {"logprobs", logprobs_json(head, choice.tokens)}};
        if (head.chat) {
            entry["message"] = {{"role", "assistant"}, {"content", choice.text}};
        } else {
            entry["text"] = choice.text;
        }
        list.push_back(std::move(entry));
    }
    answer["choices"] = std::move(list);
    answer["usage"] = usage_json(usage);
    return dump(answer);
}

std::string chunk_json(const AnswerHead& head, const Choice& delta, bool opening) {
    ASSAY_CHECK_LE(int64_t{0}, delta.index);
    ASSAY_CHECK(!opening || head.chat);
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

}  // namespace assay
