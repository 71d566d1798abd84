#include "serving/json_fields.h"

#include <cmath>

#include "core/check.h"
#include "core/json_depth.h"

namespace assay {

namespace {

using nlohmann::json;

constexpr size_t kPromptTokensMax = 1U << 20;

// The whole number that the value is, clamped to 64 bits; nullopt if it is none.
std::optional<int64_t> whole(const json& value) {
    constexpr auto kLargest = static_cast<double>(INT64_MAX);  // 2^63
    if (value.is_number_unsigned()) {
        return static_cast<int64_t>(std::min<uint64_t>(value.get<uint64_t>(), INT64_MAX));
    }
    if (value.is_number_integer()) {
        return value.get<int64_t>();
    }
    if (!value.is_number_float() || std::floor(value.get<double>()) != value.get<double>()) {
        return std::nullopt;
    }
    const double number = value.get<double>();
    return number >= kLargest    ? INT64_MAX
           : number <= -kLargest ? INT64_MIN
                                 : static_cast<int64_t>(number);
}

}  // namespace

void refuse(const std::string& param, const std::string& message) {
    throw Refused{{400, message, "invalid_request_error", param, ""}};
}

bool is_given(const json& body, const char* name) {
    return body.contains(name) && !body[name].is_null();
}

double number_in(const json& body, const char* name, double low, double high, double otherwise) {
    ASSAY_CHECK(low <= otherwise && otherwise <= high);
    if (!is_given(body, name)) {
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
    ASSAY_CHECK_LE(low, high);
    if (!is_given(body, name)) {
        return std::nullopt;
    }
    const std::optional<int64_t> value = whole(body[name]);
    if (!value) {
        refuse(name, std::string(name) + " must be an integer");
    }
    if (*value < low || *value > high) {
        refuse(name,
               std::string(name) + " is " + body[name].dump() + "; it must be between " +
                   std::to_string(low) + " and " + std::to_string(high));
    }
    return value;
}

bool flag_of(const json& body, const char* name, bool otherwise) {
    if (!is_given(body, name)) {
        return otherwise;
    }
    if (!body[name].is_boolean()) {
        refuse(name, std::string(name) + " must be true or false");
    }
    return body[name].get<bool>();
}

std::vector<int32_t> token_ids(const json& list, int64_t vocabulary, const char* name) {
    ASSAY_CHECK(vocabulary > 0 && vocabulary <= INT32_MAX);
    if (list.size() > kPromptTokensMax) {
        refuse(name, std::string(name) + " has too many tokens");
    }
    std::vector<int32_t> tokens;
    for (const json& entry : list) {
        const std::optional<int64_t> token = whole(entry);
        if (!token || *token < 0 || *token >= vocabulary) {
            refuse(name,
                   "a token id must be an integer from 0 to " + std::to_string(vocabulary - 1) +
                       "; got " + dump(entry).substr(0, 100));
        }
        tokens.push_back(static_cast<int32_t>(*token));
    }
    return tokens;
}

json or_null(const std::string& text) {
    return text.empty() ? json(nullptr) : json(text);
}

json parse_object(const std::string& body) {
    if (const Status depth = check_json_depth(body); !depth) {
        refuse("", "the body is refused: " + depth.reason());
    }
    json parsed = json::parse(body, nullptr, false);
    if (parsed.is_discarded() || !parsed.is_object()) {
        refuse("", "the body is not a JSON object");
    }
    return parsed;
}

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string error_json(const ApiError& error) {
    return dump({{"error",
                  {{"message", error.message},
                   {"type", error.type},
                   {"param", or_null(error.param)},
                   {"code", or_null(error.code)}}}});
}

ApiError unknown_model(const std::string& asked, const std::string& served) {
    return {404,
            "The model `" + asked + "` does not exist; this server has `" + served + "`",
            "invalid_request_error",
            "model",
            "model_not_found"};
}

}  // namespace assay
