#include "core/json_depth.h"

#include <string>

namespace assay {

namespace {

// The length of the string literal that begins with the first character of `text`.
size_t literal_length(std::string_view text) {
    for (size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            return i + 1;
        }
        i += text[i] == '\\' ? 1 : 0;
    }
    return text.size();
}

}  // namespace

Status check_json_depth(std::string_view text) {
    int depth = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            i += literal_length(text.substr(i)) - 1;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (c == ']' || c == '}') {
            --depth;
        }
        if (depth > kJsonDepthMax) {
            return fail("it nests more than " + std::to_string(kJsonDepthMax) + " levels deep");
        }
    }
    return {};
}

}  // namespace assay
