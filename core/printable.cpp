#include "core/printable.h"

#include <cstdint>

#include "core/check.h"

namespace assay {

namespace {

constexpr std::string_view kCut = "...";

struct CodePoint {
    uint32_t value = 0;
    size_t bytes = 0;  // 0: no UTF-8
};

// The character that begins at `at`.
CodePoint code_point(std::string_view text, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
    const uint8_t first = byte(0);
    if (first < 0x80) {
        return {first, 1};
    }
    const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() - at < bytes) {
        return {};
    }
    uint32_t value = first & (0xffU >> (bytes + 1));
    for (size_t i = 1; i < bytes; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) {
            return {};
        }
        value = value << 6U | (byte(i) & 0x3fU);
    }
    const bool longer = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
    const bool half = value >= 0xd800 && value < 0xe000;
    return longer || half || value > 0x10ffff ? CodePoint{} : CodePoint{value, bytes};
}

// Moves the cursor, ends the line, hides or turns what stands around it.
bool is_mischief(uint32_t c) {
    const auto within = [c](uint32_t first, uint32_t last) { return first <= c && c <= last; };
    return c < 0x20 || within(0x7f, 0x9f) || within(0x200b, 0x200f) || within(0x2028, 0x202e) ||
           within(0x2060, 0x206f) || c == 0xfeff || within(0xfff9, 0xfffb) ||
           within(0xe0000, 0xe0fff);
}

}  // namespace

std::string printable(std::string_view text, size_t most) {
    ASSAY_CHECK_LE(kCut.size(), most);
    std::string line;
    size_t whole = 0;  // bytes of `line` that leave room for the mark of a cut
    for (size_t at = 0; at < text.size();) {
        const CodePoint next = code_point(text, at);
        const size_t bytes = next.bytes > 0 ? next.bytes : 1;
        const std::string_view shown = next.bytes == 0           ? "?"
                                       : is_mischief(next.value) ? " "
                                                                 : text.substr(at, bytes);
        if (line.size() + shown.size() > most) {
            return line.substr(0, whole) + std::string(kCut);
        }
        line += shown;
        whole = line.size() + kCut.size() <= most ? line.size() : whole;
        at += bytes;
    }
    ASSAY_CHECK_LE(line.size(), most);
    return line;
}

}  // namespace assay
