#include "core/rng.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace assay {

Digest derive_seed(const Digest& seed,
                   std::string_view purpose,
                   std::initializer_list<uint64_t> numbers) {
    ByteWriter writer;
    writer.text(purpose);
    writer.raw(seed.span());
    for (const uint64_t number : numbers) {
        writer.u64(number);
    }
    return sha256("seed", writer.bytes());
}

uint64_t CounterRng::next() {
    if (left_ == 0) {
        ByteWriter writer;
        writer.raw(seed_.span());
        writer.u64(counter_++);
        const Digest digest = sha256("rng", writer.bytes());
        ByteReader reader(digest.span());
        for (uint64_t& word : block_) {
            word = reader.u64();
        }
        left_ = 4;
    }
    return block_[4 - left_--];
}

uint64_t CounterRng::below(uint64_t bound) {
    ASSAY_CHECK_LT(uint64_t{0}, bound);
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // a multiple of bound
    uint64_t value = next();
    while (value >= limit) {
        value = next();
    }
    return value % bound;
}

double CounterRng::unit() {
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double CounterRng::normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - unit()));
    return radius * std::cos(2.0 * 3.14159265358979323846 * unit());
}

std::vector<uint64_t> CounterRng::distinct(uint64_t count, uint64_t bound) {
    ASSAY_CHECK_LE(count, bound);
    std::set<uint64_t> chosen;  // Floyd's sampling
    for (uint64_t top = bound - count; top < bound; ++top) {
        const uint64_t pick = below(top + 1);
        if (!chosen.insert(pick).second) {
            chosen.insert(top);
        }
    }
    return {chosen.begin(), chosen.end()};
}

KeyedPermutation::KeyedPermutation(const Digest& key, uint64_t count) : count_(count) {
    ASSAY_CHECK(count > 0 && count < uint64_t{1} << 62);
    while (uint64_t{1} << (2 * half_bits_) < count) {
        ++half_bits_;
    }
    CounterRng rng(derive_seed(key, "permutation", {count}));
    for (uint64_t& round_key : keys_) {
        round_key = rng.next();
    }
}

namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijective mixer.
uint64_t mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

}  // namespace

uint64_t KeyedPermutation::round_trip(uint64_t value) const {
    const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
    uint64_t left = value >> half_bits_;
    uint64_t right = value & mask;
    for (const uint64_t key : keys_) {
        const uint64_t next = left ^ (mix(right + key) & mask);
        left = right;
        right = next;
    }
    return left << half_bits_ | right;
}

uint64_t KeyedPermutation::at(uint64_t index) const {
    ASSAY_CHECK_LT(index, count_);
    uint64_t value = round_trip(index);
    while (value >= count_) {
        value = round_trip(value);
    }
    return value;
}

}  // namespace assay
