#include "protocol/field_check.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

namespace {

// Length of the UTF-8 sequence at `at`; 0 if there is none.
size_t utf8_length(const std::string& s, size_t at) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
    const uint8_t first = byte(at);
    if (first < 0x80) {
        return 1;
    }
    const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || s.size() - at < length) {
        return 0;
    }
    for (size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xc0) != 0x80) {
            return 0;
        }
    }
    const uint8_t second = byte(at + 1);
    const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    const bool out_of_range = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return overlong || out_of_range ? 0 : length;
}

}  // namespace

bool is_utf8(const std::string& bytes) {
    for (size_t at = 0; at < bytes.size();) {
        const size_t length = utf8_length(bytes, at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

std::string sendable_text(const std::string& text, uint64_t size_max) {
    std::string out;
    for (size_t at = 0; at < text.size();) {
        const size_t length = utf8_length(text, at);
        const size_t taken = std::max<size_t>(length, 1);
        if (out.size() + taken > size_max) {
            break;
        }
        out += length == 0 ? "?" : text.substr(at, length);
        at += taken;
    }
    // What we send passes the bounds by which we judge what is sent to us.
    ASSAY_CHECK(out.size() <= size_max && is_utf8(out));
    return out;
}

FieldCheck::Scope::Scope(FieldCheck& check, const char* field, std::optional<size_t> index)
    : check_(check) {
    ASSAY_CHECK(field != nullptr);
    check_.path_.push_back({field, index});
}

void FieldCheck::refuse(const char* field, const std::string& words) {
    if (!status_) {
        return;
    }
    std::string reason = message_;
    for (const Step& step : path_) {
        reason += std::string(".") + step.field;
        if (step.index) {
            reason += "[" + std::to_string(*step.index) + "]";
        }
    }
    status_ = fail(reason + "." + field + " " + words);
}

void FieldCheck::require(bool holds, const char* field, const char* words) {
    if (!holds) {
        refuse(field, words);
    }
}

Digest FieldCheck::digest(const char* field, const std::string& bytes) {
    Result<Digest> digest = digest_from_bytes(as_bytes(bytes));
    if (!digest) {
        refuse(field, "is not a digest: " + digest.reason());
        return {};
    }
    return *digest;
}

PeerId FieldCheck::peer(const char* field, const std::string& bytes) {
    PeerId id;
    if (bytes.size() != id.key.size()) {
        refuse(field,
               "is not a peer id: it has " + std::to_string(bytes.size()) + " bytes, not 32");
        return {};
    }
    std::copy(bytes.begin(), bytes.end(), id.key.begin());
    return id;
}

uint64_t FieldCheck::number(const char* field, uint64_t value, uint64_t low, uint64_t high) {
    ASSAY_CHECK_LE(low, high);
    if (value < low || value > high) {
        refuse(field,
               "is " + std::to_string(value) + ", outside " + std::to_string(low) + " to " +
                   std::to_string(high));
        return low;
    }
    return value;
}

uint32_t FieldCheck::number32(const char* field, uint32_t value, uint64_t low, uint64_t high) {
    return static_cast<uint32_t>(number(field, value, low, high));
}

float FieldCheck::finite(const char* field, float value) {
    if (!std::isfinite(value)) {
        refuse(field, "is not a finite number");
        return 0;
    }
    return value;
}

double FieldCheck::not_nan(const char* field, double value) {
    if (std::isnan(value)) {
        refuse(field, "is not a number");
        return 0;
    }
    return value;
}

void FieldCheck::fp32_bits(const char* field, const std::vector<uint32_t>& bits) {
    for (size_t i = 0; i < bits.size(); ++i) {
        const auto value = std::bit_cast<float>(bits[i]);
        if (!std::isfinite(value) || std::signbit(value)) {
            refuse(
                field,
                "holds at place " + std::to_string(i) + " no finite number that is not negative");
            return;
        }
    }
}

Instant FieldCheck::instant(const char* field, int64_t ms) {
    return Instant{duration(field, ms).ms};
}

DurationMs FieldCheck::duration(const char* field, int64_t ms) {
    if (ms < 0 || ms > limits::kTimeMsMax) {
        refuse(
            field,
            "is " + std::to_string(ms) + " ms, outside 0 to " + std::to_string(limits::kTimeMsMax));
        return {};
    }
    return DurationMs{ms};
}

std::string FieldCheck::text(const char* field, const std::string& bytes, uint64_t size_max) {
    if (bytes.size() > size_max) {
        refuse(field,
               "has " + std::to_string(bytes.size()) + " bytes; at most " +
                   std::to_string(size_max) + " are allowed");
        return {};
    }
    if (!is_utf8(bytes)) {
        refuse(field, "is not UTF-8");
        return {};
    }
    return bytes;
}

bool FieldCheck::count(const char* field, int size, uint64_t count_max) {
    if (size < 0 || static_cast<uint64_t>(size) > count_max) {
        refuse(field,
               "has " + std::to_string(size) + " entries; at most " + std::to_string(count_max) +
                   " are allowed");
        return false;
    }
    return true;
}

}  // namespace assay
