// Fields of a request's JSON body, each with its bounds; what does not hold is refused by name.
//
// Only the .cpp files of serving/ that read or write JSON include this. Functions throw Refused,
// and guarded() turns that into a value: the exceptions never leave a parse function.

#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "serving/api_error.h"

namespace assay {

struct Refused {
    ApiError error;
};

// Throws Refused: 400, with the field that is wrong ("" for the body as a whole).
[[noreturn]] void refuse(const std::string& param, const std::string& message);

// Present and not null.
[[nodiscard]] bool is_given(const nlohmann::json& body, const char* name);

// The field's value, or `otherwise` where none is given. REQUIRES: low <= otherwise <= high.
double number_in(
    const nlohmann::json& body, const char* name, double low, double high, double otherwise);
// 16.0 is 16: some languages write no other numbers.
std::optional<int64_t> integer_in(const nlohmann::json& body,
                                  const char* name,
                                  int64_t low,
                                  int64_t high);
bool flag_of(const nlohmann::json& body, const char* name, bool otherwise = false);
// Each from 0 to below `vocabulary`.
std::vector<int32_t> token_ids(const nlohmann::json& list, int64_t vocabulary, const char* name);

// The body as an object. Refuses what nests too deeply to be read.
nlohmann::json parse_object(const std::string& body);

// null for an empty text.
nlohmann::json or_null(const std::string& text);

// Bytes of a token need not be UTF-8: what is not becomes U+FFFD.
std::string dump(const nlohmann::json& value);

// What `make` returns, or the error that it threw.
template <typename T, typename Make>
std::variant<T, ApiError> guarded(Make make) {
    try {
        return make();
    } catch (const Refused& refused) {
        return refused.error;
    } catch (const nlohmann::json::exception& error) {
        return ApiError{400,
                        std::string("malformed request: ") + error.what(),
                        "invalid_request_error",
                        "",
                        ""};
    }
}

}  // namespace assay
