#include "compression/symbol_coder.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "core/check.h"

namespace assay {

namespace {

// The ratio of neighbouring frequencies is that of a geometric law in the middle of the class.
NumberTable number_table(uint32_t index) {
    constexpr uint64_t kOne = uint64_t{1} << 32;
    constexpr uint32_t kLast = NumberTable::kSymbols - 1;
    NumberTable table;
    const uint64_t middle = uint64_t{9 + 2 * (index % 4)} << (index / 4);
    const uint64_t ratio = (middle - 8) * 65536 / (middle + 56);
    uint64_t tail = kOne;
    for (uint32_t s = 0; s < NumberTable::kSymbols; ++s) {
        const uint64_t wanted = kProbabilityOne - (tail >> 20);
        const uint64_t least = s == 0 ? 0 : table.start[s - 1] + 1U;
        const uint64_t most = kProbabilityOne - NumberTable::kSymbols + s;
        table.start[s] = static_cast<uint16_t>(std::min(std::max(wanted, least), most));
        tail = tail * ratio >> 16;
    }
    table.start[kLast + 1] = kProbabilityOne;
    // Every symbol has a frequency: a coder that met one without could not code it.
    ASSAY_CHECK(std::adjacent_find(table.start.begin(),
                                   table.start.end(),
                                   std::greater_equal<>()) == table.start.end());
    for (uint32_t s = 0; s <= kLast; ++s) {
        std::fill(table.symbol.begin() + table.start[s],
                  table.symbol.begin() + table.start[s + 1],
                  static_cast<uint8_t>(s));
    }
    return table;
}

__extension__ using Wide = unsigned __int128;

// x / frequency = (x * reciprocal >> 64) >> shift for x < 2^63 and frequencies from 2 to 4096.
struct Reciprocal {
    uint64_t factor = 0;
    uint32_t shift = 0;
};

std::array<Reciprocal, kProbabilityOne + 1> make_reciprocals() {
    std::array<Reciprocal, kProbabilityOne + 1> table;
    for (uint32_t f = 2; f <= kProbabilityOne; ++f) {
        const auto width = static_cast<uint32_t>(std::bit_width(f - 1));
        const Wide one = Wide{1} << (63 + width);
        table[f] = {static_cast<uint64_t>((one + f - 1) / f), width - 1};
    }
    return table;
}

const std::array<Reciprocal, kProbabilityOne + 1> kReciprocalTable = make_reciprocals();

uint64_t divided(uint64_t x, uint32_t frequency) {
    const Reciprocal& by = kReciprocalTable[frequency];
    return frequency == 1 ? x : static_cast<uint64_t>(Wide{x} * by.factor >> 64) >> by.shift;
}

}  // namespace

const std::array<NumberTable, kNumberTables>& number_tables() {
    static const std::array<NumberTable, kNumberTables> kTables = [] {
        std::array<NumberTable, kNumberTables> tables;
        for (uint32_t i = 0; i < kNumberTables; ++i) {
            tables[i] = number_table(i);
        }
        return tables;
    }();
    return kTables;
}

void SymbolWriter::finish(Bytes& out) {
    std::array<uint64_t, kStates> states{kStateLow, kStateLow, kStateLow};
    words_.resize(steps_.size());
    size_t words = 0;
    for (size_t i = used_; i > 0; --i) {
        const uint64_t step = steps_[i - 1];
        const uint32_t start = step & (kProbabilityOne - 1);
        const uint32_t frequency = step >> kFrequencyAt & (2 * kProbabilityOne - 1);
        const uint32_t state = step >> kStateAt & 3U;
        const uint32_t low = step >> kLowAt & ((1U << kNumberBits) - 1);
        const auto shift = static_cast<uint32_t>(step >> kShiftAt);
        uint64_t x = states[state];
        // Without a branch: nobody can foresee it.
        const bool full = x >> (63 - kProbabilityBits - shift) >= frequency;
        words_[words] = static_cast<uint32_t>(x);
        words += full ? 1 : 0;
        x >>= full ? 32 : 0;
        const uint64_t quotient = divided(x, frequency);
        x = (quotient << kProbabilityBits) + (x - quotient * frequency) + start;
        states[state] = x << shift | low;
    }
    ASSAY_CHECK_LE(words, used_);  // at most one word a symbol
    const size_t first = out.size();
    const size_t whole = first + 8 * kStates + 4 * words;
    if (whole > out.capacity()) {
        out.reserve(whole + whole / 4);  // next time there may be a little more
    }
    out.resize(whole);
    uint8_t* at = out.data() + first;
    const auto put = [&at](uint64_t value, size_t size) {
        for (size_t i = 0; i < size; ++i) {
            *at++ = static_cast<uint8_t>(value >> (8 * i));
        }
    };
    for (const uint64_t state : states) {
        put(state, 8);
    }
    for (size_t i = words; i > 0; --i) {
        put(words_[i - 1], 4);
    }
}

SymbolReader::SymbolReader(ByteSpan bytes)
    : first_(bytes.data()), next_(bytes.data()), end_(bytes.data() + bytes.size()) {
    if (bytes.size() < 8 * kStates || bytes.size() % 4 != 0) {
        failed_ = true;
        return;
    }
    for (uint64_t& state : states_) {
        state = 0;
        for (size_t i = 0; i < 8; ++i) {
            state |= uint64_t{next_[i]} << (8 * i);
        }
        next_ += 8;
        failed_ = failed_ || state < kStateLow || state >> 63 != 0;
    }
}

}  // namespace assay
