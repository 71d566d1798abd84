#include "tokenizer/utf8.h"

#include "core/check.h"

namespace assay {

namespace {

uint8_t byte_at(std::string_view text, size_t index) {
    return static_cast<uint8_t>(text[index]);
}

struct Part {
    size_t size = 1;  // bytes of the character, or of the ill-formed part
    bool good = true;
    bool cut = false;  // well-formed up to the end of the text
};

// Bounds of the second byte after each lead byte (Unicode standard, table 3-7).
struct Lead {
    size_t size = 0;  // 0: no lead byte
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
};

Lead lead_of(uint8_t byte) {
    if (byte < 0x80) {
        return {1, 0, 0};
    }
    if (byte < 0xc2 || byte > 0xf4) {
        return {};
    }
    if (byte < 0xe0) {
        return {2, 0x80, 0xbf};
    }
    if (byte < 0xf0) {
        return {3,
                static_cast<uint8_t>(byte == 0xe0 ? 0xa0 : 0x80),
                static_cast<uint8_t>(byte == 0xed ? 0x9f : 0xbf)};
    }
    return {4,
            static_cast<uint8_t>(byte == 0xf0 ? 0x90 : 0x80),
            static_cast<uint8_t>(byte == 0xf4 ? 0x8f : 0xbf)};
}

Part part_at(std::string_view text, size_t at) {
    const Lead lead = lead_of(byte_at(text, at));
    if (lead.size == 0) {
        return {1, false, false};
    }
    for (size_t i = 1; i < lead.size; ++i) {
        if (at + i == text.size()) {
            return {i, false, true};
        }
        const uint8_t next = byte_at(text, at + i);
        const uint8_t low = i == 1 ? lead.low : uint8_t{0x80};
        const uint8_t high = i == 1 ? lead.high : uint8_t{0xbf};
        if (next < low || next > high) {
            return {i, false, false};
        }
    }
    return {lead.size, true, false};
}

// First position from `at` on that starts an ill-formed part; text.size() if there is none.
size_t find_fault(std::string_view text, size_t at) {
    while (at < text.size()) {
        if (byte_at(text, at) < 0x80) {
            ++at;
            continue;
        }
        const Part part = part_at(text, at);
        if (!part.good) {
            return at;
        }
        at += part.size;
    }
    return at;
}

}  // namespace

bool is_utf8(std::string_view text) {
    return find_fault(text, 0) == text.size();
}

std::string repair_utf8(std::string_view text, uint64_t& replaced) {
    std::string out;
    out.reserve(text.size());
    size_t at = 0;
    while (at < text.size()) {
        const size_t fault = find_fault(text, at);
        out.append(text.substr(at, fault - at));
        if (fault == text.size()) {
            break;
        }
        append_utf8(out, 0xfffd);
        ++replaced;
        at = fault + part_at(text, fault).size;
    }
    ASSAY_CHECK(is_utf8(out));
    return out;
}

size_t utf8_whole_prefix(std::string_view text) {
    size_t at = text.size() < 3 ? 0 : text.size() - 3;
    for (; at < text.size(); ++at) {
        if (lead_of(byte_at(text, at)).size > 1 && part_at(text, at).cut) {
            return at;
        }
    }
    return text.size();
}

void append_utf8(std::string& text, uint32_t code_point) {
    ASSAY_CHECK(code_point <= 0x10ffff);
    ASSAY_CHECK(code_point < 0xd800 || code_point > 0xdfff);  // no surrogate
    const auto push = [&text](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
    if (code_point < 0x80) {
        push(code_point);
        return;
    }
    if (code_point < 0x800) {
        push(0xc0 | code_point >> 6);
    } else if (code_point < 0x10000) {
        push(0xe0 | code_point >> 12);
        push(0x80 | (code_point >> 6 & 0x3f));
    } else {
        push(0xf0 | code_point >> 18);
        push(0x80 | (code_point >> 12 & 0x3f));
        push(0x80 | (code_point >> 6 & 0x3f));
    }
    push(0x80 | (code_point & 0x3f));
}

uint32_t take_utf8(std::string_view& text) {
    ASSAY_CHECK(!text.empty());
    const uint8_t first = byte_at(text, 0);
    const size_t size = lead_of(first).size;
    ASSAY_CHECK(size > 0 && size <= text.size());
    uint32_t code_point = size == 1 ? first : first & (0x7fU >> size);
    for (size_t i = 1; i < size; ++i) {
        code_point = code_point << 6 | (byte_at(text, i) & 0x3fU);
    }
    text.remove_prefix(size);
    return code_point;
}

}  // namespace assay
