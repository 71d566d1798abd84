// The one source of chance: numbers derived from digests, the same on every machine.
//
// CounterRng(seed) yields SHA-256("rng" | seed | u64 counter) as four u64 at a time. Whoever knows
// the seed can recompute every draw. Not for keys: those come from libsodium (core/identity.h).

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "core/digest.h"

namespace assay {

// H("seed" | purpose | run seed | numbers...).
Digest derive_seed(const Digest& seed,
                   std::string_view purpose,
                   std::initializer_list<uint64_t> numbers = {});

class CounterRng {
public:
    explicit CounterRng(const Digest& seed) : seed_(seed) {}

    // All 64 bits are uniform.
    uint64_t next();
    // Uniform in [0, bound), unbiased. REQUIRES: bound > 0.
    uint64_t below(uint64_t bound);
    // Uniform in [0, 1) with 53 bits.
    double unit();
    // Standard normal (Box-Muller). For simulation and initial weights computed once, then hashed.
    double normal();
    // `count` distinct values of [0, bound) in increasing order. REQUIRES: count <= bound.
    std::vector<uint64_t> distinct(uint64_t count, uint64_t bound);

private:
    Digest seed_;
    uint64_t counter_ = 0;
    uint64_t block_[4] = {};
    int left_ = 0;
};

// A keyed permutation of [0, count): Feistel network with cycle walking; O(1) memory.
class KeyedPermutation {
public:
    // REQUIRES: 0 < count < 2^62.
    KeyedPermutation(const Digest& key, uint64_t count);
    // REQUIRES: index < count.
    [[nodiscard]] uint64_t at(uint64_t index) const;

private:
    [[nodiscard]] uint64_t round_trip(uint64_t value) const;
    static constexpr int kRounds = 6;
    uint64_t count_;
    int half_bits_ = 1;
    uint64_t keys_[kRounds] = {};
};

}  // namespace assay
