// What editors and terminals leave at the edges of a short text: byte order marks, blanks, carriage
// returns.

#pragma once

#include <algorithm>
#include <string_view>

namespace assay {

// Views of the given text.
inline std::string_view without_byte_order_mark(std::string_view text) {
    constexpr std::string_view kMark = "\xEF\xBB\xBF";
    return text.substr(0, kMark.size()) == kMark ? text.substr(kMark.size()) : text;
}
inline std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n\f\v";
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// Why a text file of this content cannot be read line by line; "" if it can.
inline const char* why_no_text(std::string_view content) {
    return content.find('\0') == std::string_view::npos
               ? ""
               : "it is not UTF-8 (UTF-16?): save it as UTF-8 or ASCII";
}

}  // namespace assay
