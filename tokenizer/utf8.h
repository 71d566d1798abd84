// UTF-8: is it, and if not, made so. Stateless.
//
// Bytes that are no character become U+FFFD, one for each maximal ill-formed part, as browsers and
// the Unicode standard do it. No surrogates, no overlong forms, nothing above U+10FFFF.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace assay {

// U+FEFF at the front of a file: it says that the file is UTF-8, and is no text.
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// No surrogates, no overlong forms; the empty text is UTF-8.
[[nodiscard]] bool is_utf8(std::string_view text);

// The text with ill-formed parts replaced; adds their number to `replaced`.
std::string repair_utf8(std::string_view text, uint64_t& replaced);

// Length of the text without a character at its end that is well-formed so far but cut off.
[[nodiscard]] size_t utf8_whole_prefix(std::string_view text);

// Appends a code point. REQUIRES: code_point <= 0x10ffff and no surrogate.
void append_utf8(std::string& text, uint32_t code_point);

// The character at the front of well-formed text, removed from it. REQUIRES: !text.empty().
uint32_t take_utf8(std::string_view& text);

}  // namespace assay
