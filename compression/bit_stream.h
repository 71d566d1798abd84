// Bits in bytes, least significant first: the next bit is the lowest unused bit of the current
// byte.
//
// BitReader reads bytes of strangers: a read past the end sets failed() and returns zeros.

#pragma once

#include <bit>
#include <cstdint>

#include "core/bytes.h"

namespace assay {

class BitWriter {
public:
    explicit BitWriter(Bytes bytes) : bytes_(std::move(bytes)) {}

    // The low `width` bits of value, lowest first. REQUIRES: width <= 32, value < 2^width.
    void bits(uint32_t value, uint32_t width) {
        window_ |= uint64_t{value} << used_;
        used_ += width;
        while (used_ >= 8) {
            bytes_.push_back(static_cast<uint8_t>(window_));
            window_ >>= 8;
            used_ -= 8;
        }
    }
    // `count` zero bits, then a one.
    void unary(uint32_t count) {
        for (; count >= 32; count -= 32) {
            bits(0, 32);
        }
        bits(uint32_t{1} << count, count + 1);
    }
    // Pads the last byte with zero bits.
    Bytes finish() {
        if (used_ > 0) {
            bits(0, 8 - used_);
        }
        return std::move(bytes_);
    }

private:
    Bytes bytes_;
    uint64_t window_ = 0;
    uint32_t used_ = 0;  // below 8 between calls
};

class BitReader {
public:
    // Starts at byte `first`. REQUIRES: first <= bytes.size().
    BitReader(ByteSpan bytes, size_t first) : bytes_(bytes), next_(first) {}

    // REQUIRES: width <= 32.
    uint32_t bits(uint32_t width) {
        refill();
        if (width > held_) {
            failed_ = true;
            return 0;
        }
        const auto value = static_cast<uint32_t>(window_ & ((uint64_t{1} << width) - 1));
        window_ >>= width;
        held_ -= width;
        return value;
    }
    // Zero bits before the next one, which is consumed too. Fails beyond `limit`.
    uint32_t unary(uint32_t limit) {
        uint32_t count = 0;
        refill();
        while (window_ == 0) {
            count += held_;
            held_ = 0;
            if (next_ == bytes_.size() || count > limit) {
                failed_ = true;
                return 0;
            }
            refill();
        }
        const auto zeros = static_cast<uint32_t>(std::countr_zero(window_));
        window_ = window_ >> zeros >> 1;
        held_ -= zeros + 1;
        count += zeros;
        failed_ = failed_ || count > limit;
        return failed_ ? 0 : count;
    }
    // Whether nothing is left but zero bits that fill the last byte.
    [[nodiscard]] bool at_clean_end() const {
        return !failed_ && next_ == bytes_.size() && held_ < 8 && window_ == 0;
    }
    [[nodiscard]] bool failed() const { return failed_; }
    // The byte of the next bit.
    [[nodiscard]] size_t byte() const { return next_ - (held_ + 7) / 8; }

private:
    void refill() {
        while (held_ <= 56 && next_ < bytes_.size()) {
            window_ |= uint64_t{bytes_[next_++]} << held_;
            held_ += 8;
        }
    }
    ByteSpan bytes_;
    size_t next_;
    uint64_t window_ = 0;
    uint32_t held_ = 0;
    bool failed_ = false;
};

}  // namespace assay
