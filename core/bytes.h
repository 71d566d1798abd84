// Byte strings, hexadecimal, and little-endian readers and writers with bounds.
//
// Not a serialisation format: what travels is in protocol/, what is hashed uses these writers.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace assay {

using Bytes = std::vector<uint8_t>;
using ByteSpan = std::span<const uint8_t>;

// Two lower-case digits a byte.
std::string to_hex(ByteSpan bytes);
// Accepts lower and upper case; fails on odd length or another character.
Result<Bytes> from_hex(std::string_view hex);

// The text's own memory: it must outlive the span.
inline ByteSpan as_bytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
// The memory of the values: little-endian fp32, as blobs and tiles hold them.
inline ByteSpan float_bytes(std::span<const float> values) {
    return {reinterpret_cast<const uint8_t*>(values.data()), values.size_bytes()};
}
// The values back. A rest of fewer than four bytes is left out.
std::vector<float> floats_of(ByteSpan bytes);
inline std::string to_text(ByteSpan bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Appends fixed-width little-endian numbers and length-prefixed strings to a buffer.
class ByteWriter {
public:
    // Each appends its value at the end; f32 writes the bit pattern.
    void u8(uint8_t value) { bytes_.push_back(value); }
    void u16(uint16_t value) { number(value, 2); }
    void u32(uint32_t value) { number(value, 4); }
    void u64(uint64_t value) { number(value, 8); }
    void i64(int64_t value) { number(static_cast<uint64_t>(value), 8); }
    void f32(float value);
    void raw(ByteSpan bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    // u32 length, then the bytes. REQUIRES: fewer than 2^32 bytes.
    void sized(ByteSpan bytes);
    void text(std::string_view value) { sized(as_bytes(value)); }

    [[nodiscard]] const Bytes& bytes() const { return bytes_; }
    [[nodiscard]] Bytes take() { return std::move(bytes_); }

private:
    void number(uint64_t value, int width);
    Bytes bytes_;
};

// Reads what ByteWriter wrote. A read past the end sets failed() and returns zeros: check ok() once
// at the end. Never allocates more than the input holds.
class ByteReader {
public:
    // The bytes are not copied: they must outlive the reader and every span that it returns.
    explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

    uint8_t u8() { return static_cast<uint8_t>(number(1)); }
    uint16_t u16() { return static_cast<uint16_t>(number(2)); }
    uint32_t u32() { return static_cast<uint32_t>(number(4)); }
    uint64_t u64() { return number(8); }
    int64_t i64() { return static_cast<int64_t>(number(8)); }
    // Spans point into the input; a `sized` one has its u32 length in front.
    float f32();
    ByteSpan raw(size_t count);
    ByteSpan sized() { return raw(u32()); }
    std::string text() { return to_text(sized()); }

    [[nodiscard]] bool ok() const { return !failed_; }
    [[nodiscard]] bool at_end() const { return !failed_ && position_ == bytes_.size(); }
    [[nodiscard]] size_t position() const { return position_; }
    [[nodiscard]] size_t remaining() const { return bytes_.size() - position_; }

private:
    uint64_t number(size_t width);
    ByteSpan bytes_;
    size_t position_ = 0;
    bool failed_ = false;
};

}  // namespace assay
