// What a chat template consists of before it is read: text, and what stands between its braces.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

struct JinjaPiece {
    enum class Kind : uint8_t { kText, kOutput, kBlock };
    Kind kind = Kind::kText;
    std::string text;
    size_t line = 1;
};

// Throws JinjaError.
[[noreturn]] void fail_jinja(size_t line, const std::string& message);

// Comments are gone, and so are the blanks that blocks swallow. Throws JinjaError.
std::vector<JinjaPiece> cut_jinja(std::string_view source);

}  // namespace assay
