#include "serving/openai_api.h"

#include "core/check.h"
#include "serving/json_fields.h"

namespace assay {

namespace {

using nlohmann::json;

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

std::string tokens_json(const std::vector<int32_t>& tokens,
                        const std::optional<std::vector<std::string>>& texts,
                        int64_t context_tokens) {
    ASSAY_CHECK(!texts || texts->size() == tokens.size());
    return dump({{"tokens", tokens},
                 {"token_strs", texts ? json(*texts) : json(nullptr)},
                 {"count", tokens.size()},
                 {"max_model_len", context_tokens}});
}

std::string tokenizer_info_json(const TokenizerInfo& info) {
    const json end = or_null(info.end_of_text);
    return dump({{"tokenizer_class", "assay"},
                 {"eos_token", end},
                 {"bos_token", end},
                 {"pad_token", end},
                 {"unk_token", nullptr},
                 {"chat_template", or_null(info.chat_template)},
                 {"vocab_size", info.vocabulary},
                 {"model_max_length", info.context_tokens}});
}

std::string text_json(const std::string& key, const std::string& value) {
    return dump({{key, value}});
}

std::variant<TokenizeRequest, ApiError> parse_tokenize(const std::string& body) {
    return guarded<TokenizeRequest>([&]() -> TokenizeRequest {
        const json parsed = parse_object(body);
        const bool with_texts = flag_of(parsed, "return_token_strs");
        for (const char* name : {"prompt", "content"}) {
            if (parsed.contains(name) && parsed[name].is_string()) {
                return {parsed[name].get<std::string>(), with_texts};
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
