// Entropy coding of small integers: three interleaved rANS states over one stream of 32-bit words
// (docs/compression.md, "Segments").
//
// A state is in [2^31, 2^63) between symbols, so that every step of the reader is undone by exactly
// one step of the writer: what decodes to the end with all states at 2^31 has one form. The reader
// takes strangers' bytes: past the end it says failed() and gives harmless symbols.

#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/bytes.h"

namespace assay {

constexpr uint32_t kProbabilityBits = 12;
constexpr uint32_t kProbabilityOne = 1U << kProbabilityBits;
constexpr uint64_t kStateLow = uint64_t{1} << 31;
constexpr size_t kStates = 3;
constexpr uint32_t kNumberBits = 13;  // coded numbers are below 2^13

// Geometric frequencies of 64 symbols, the last of which stands for all that is greater.
struct NumberTable {
    static constexpr uint32_t kSymbols = 64;
    std::array<uint16_t, kSymbols + 1> start{};
    std::array<uint8_t, kProbabilityOne> symbol{};
};

// How a number is coded: its `shift` low bits as they are, the rest by a table.
struct NumberClass {
    uint32_t table = 0;
    uint32_t shift = 0;
};

constexpr uint32_t kMeanLimit = (1U << 18) - 9;  // of a mean in units of 1 / 64
constexpr size_t kNumberTables = 24;
const std::array<NumberTable, kNumberTables>& number_tables();

// 4 floor(log2 x) + the two bits behind its highest one. REQUIRES: x >= 4.
inline uint32_t quarter_log(uint32_t x) {
    const auto e = 31U - static_cast<uint32_t>(__builtin_clz(x));
    return 4 * e + ((x >> (e - 2)) & 3U);
}

// For numbers of about this mean, in units of 1 / 64. REQUIRES: mean <= kMeanLimit.
inline NumberClass number_class(uint32_t mean) {
    const uint32_t log = quarter_log(mean + 8);
    const uint32_t shift = log >= 36 ? (log >> 2) - 8 : 0;
    return {log - 4 * shift - 12, shift};
}

// Collects symbols first to last, and codes them last to first. REQUIRES: room for each.
class SymbolWriter {
public:
    // Forgets what was collected and keeps the room.
    void clear() { used_ = 0; }
    // Makes room: numbers take up to two symbols, bits one.
    void reserve(size_t symbols) {
        if (steps_.size() - used_ < symbols) {
            steps_.resize(2 * steps_.size() + symbols);
        }
    }
    // REQUIRES: value < 2^13.
    void number(uint32_t value, const NumberClass& as) {
        const NumberTable& table = tables_[as.table];
        const uint32_t rest = value >> as.shift;
        const uint32_t symbol = rest < NumberTable::kSymbols ? rest : NumberTable::kSymbols - 1;
        const uint32_t start = table.start[symbol];
        const uint32_t low = value & ((1U << as.shift) - 1);
        push(start, table.start[symbol + 1] - start, 0, low, as.shift);
        if (symbol == NumberTable::kSymbols - 1) {
            push(0, kProbabilityOne, 0, rest - symbol, kNumberBits - as.shift);
        }
    }
    // A bit that is 1 with probability `one` / 4096. REQUIRES: 0 < one < 4096.
    void bit(bool value, uint32_t one, uint32_t state) {
        push(value ? 0 : one, value ? one : kProbabilityOne - one, state, 0, 0);
    }
    // Appends the states and the words.
    void finish(Bytes& out);

private:
    // One number a symbol: start, frequency, state, raw bits and how many these are.
    static constexpr uint32_t kFrequencyAt = 12;
    static constexpr uint32_t kStateAt = 25;
    static constexpr uint32_t kLowAt = 32;
    static constexpr uint32_t kShiftAt = 48;
    void push(uint32_t start, uint32_t frequency, uint32_t state, uint32_t low, uint32_t shift) {
        steps_[used_++] = uint64_t{start | frequency << kFrequencyAt | state << kStateAt} |
                          uint64_t{low} << kLowAt | uint64_t{shift} << kShiftAt;
    }

    const NumberTable* tables_ = number_tables().data();
    std::vector<uint64_t> steps_;
    size_t used_ = 0;
    std::vector<uint32_t> words_;
};

class SymbolReader {
public:
    // No whole words, or too few for the coder's states, are a failure at once. Not copied.
    explicit SymbolReader(ByteSpan bytes);

    // Past the end the values mean nothing and failed() says so: ask once, behind the last.
    uint32_t number(const NumberClass& as) {
        const NumberTable& table = tables_[as.table];
        uint64_t x = states_[0];
        const auto low = static_cast<uint32_t>(x) & ((1U << as.shift) - 1);
        x >>= as.shift;
        const auto slot = static_cast<uint32_t>(x) & (kProbabilityOne - 1);
        uint32_t symbol = table.symbol[slot];
        const uint32_t start = table.start[symbol];
        x = uint64_t{table.start[symbol + 1] - start} * (x >> kProbabilityBits) + slot - start;
        states_[0] = refilled(x);
        if (symbol == NumberTable::kSymbols - 1) {
            symbol += raw(kNumberBits - as.shift);
        }
        return symbol << as.shift | low;
    }
    bool bit(uint32_t one, size_t state) {
        uint64_t x = states_[state];
        const auto slot = static_cast<uint32_t>(x) & (kProbabilityOne - 1);
        const bool value = slot < one;
        const uint32_t start = value ? 0 : one;
        const uint32_t frequency = value ? one : kProbabilityOne - one;
        x = uint64_t{frequency} * (x >> kProbabilityBits) + slot - start;
        states_[state] = refilled(x);
        return value;
    }
    [[nodiscard]] bool failed() const { return failed_; }
    // Whether everything is read and nothing is left over.
    [[nodiscard]] bool at_clean_end() const {
        return !failed_ && next_ == end_ && states_[0] == kStateLow && states_[1] == kStateLow &&
               states_[2] == kStateLow;
    }
    // Bytes taken so far.
    [[nodiscard]] size_t position() const { return static_cast<size_t>(next_ - first_); }

private:
    uint32_t raw(uint32_t width) {
        const auto value = static_cast<uint32_t>(states_[0]) & ((1U << width) - 1);
        states_[0] = refilled(states_[0] >> width);
        return value;
    }
    uint64_t refilled(uint64_t x) {
        if (x >= kStateLow) [[likely]] {
            return x;
        }
        if (next_ == end_) {
            failed_ = true;
            return kStateLow;
        }
        const uint64_t word = uint64_t{next_[0]} | uint64_t{next_[1]} << 8 |
                              uint64_t{next_[2]} << 16 | uint64_t{next_[3]} << 24;
        next_ += 4;
        return x << 32 | word;
    }

    const NumberTable* tables_ = number_tables().data();
    const uint8_t* first_ = nullptr;
    const uint8_t* next_ = nullptr;
    const uint8_t* end_ = nullptr;
    std::array<uint64_t, kStates> states_{kStateLow, kStateLow, kStateLow};
    bool failed_ = false;
};

}  // namespace assay
