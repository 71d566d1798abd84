#include "core/bytes.h"

#include <bit>
#include <cstring>

namespace assay {

std::string to_hex(ByteSpan bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    hex.reserve(bytes.size() * 2);
    for (const uint8_t byte : bytes) {
        hex.push_back(kDigits[byte >> 4]);
        hex.push_back(kDigits[byte & 15]);
    }
    return hex;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

std::vector<float> floats_of(ByteSpan bytes) {
    std::vector<float> values(bytes.size() / sizeof(float));
    if (!values.empty()) {
        std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    }
    return values;
}

Result<Bytes> from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) {
        return fail("hexadecimal text has an odd number of digits");
    }
    Bytes bytes;
    bytes.reserve(hex.size() / 2);
    for (size_t i = 0; i < hex.size(); i += 2) {
        const int high = hex_digit(hex[i]);
        const int low = hex_digit(hex[i + 1]);
        if (high < 0 || low < 0) {
            return fail("not a hexadecimal digit at position " + std::to_string(i));
        }
        bytes.push_back(static_cast<uint8_t>(high * 16 + low));
    }
    return bytes;
}

void ByteWriter::number(uint64_t value, int width) {
    for (int i = 0; i < width; ++i) {
        bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
}

void ByteWriter::f32(float value) {
    u32(std::bit_cast<uint32_t>(value));
}

void ByteWriter::sized(ByteSpan bytes) {
    ASSAY_CHECK(bytes.size() <= UINT32_MAX);
    u32(static_cast<uint32_t>(bytes.size()));
    raw(bytes);
}

uint64_t ByteReader::number(size_t width) {
    if (failed_ || remaining() < width) {
        failed_ = true;
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
        value |= static_cast<uint64_t>(bytes_[position_ + i]) << (8 * i);
    }
    position_ += width;
    return value;
}

float ByteReader::f32() {
    return std::bit_cast<float>(u32());
}

ByteSpan ByteReader::raw(size_t count) {
    if (failed_ || remaining() < count) {
        failed_ = true;
        return {};
    }
    const ByteSpan out = bytes_.subspan(position_, count);
    position_ += count;
    return out;
}

}  // namespace assay
