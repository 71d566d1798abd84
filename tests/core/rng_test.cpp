// Chance: unbiased, recomputable, a true permutation.

#include "core/rng.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

namespace assay {

namespace {

CounterRng rng_of(uint64_t seed) {
    return CounterRng(derive_seed({}, "rng test", {seed}));
}

}  // namespace

TEST_CASE("a seed gives the written sequence") {
    const Digest seed = sha256_plain(as_bytes("seed"));
    ByteWriter writer;
    writer.raw(seed.span());
    writer.u64(0);
    const Digest block = sha256("rng", writer.bytes());
    ByteReader words(block.span());
    CounterRng rng(seed);
    for (int i = 0; i < 4; ++i) {
        CHECK(rng.next() == words.u64());
    }
    ByteWriter second;
    second.raw(seed.span());
    second.u64(1);
    const Digest next_block = sha256("rng", second.bytes());
    CHECK(rng.next() == ByteReader(next_block.span()).u64());
}

TEST_CASE("seeds with another purpose or number differ") {
    const Digest seed = sha256_plain(as_bytes("seed"));
    const std::set<Digest> seeds = {derive_seed(seed, "a"),
                                    derive_seed(seed, "b"),
                                    derive_seed(seed, "a", {0}),
                                    derive_seed(seed, "a", {1}),
                                    derive_seed(seed, "a", {0, 0}),
                                    derive_seed({}, "a")};
    CHECK(seeds.size() == 6);
}

TEST_CASE("draws below a bound stay below it and are uniform") {
    for (const uint64_t bound : std::vector<uint64_t>{1, 2, 3, 7, 10, 1000}) {
        CounterRng rng = rng_of(bound);
        std::vector<uint64_t> counts(bound);
        const uint64_t draws = 2000 * std::min<uint64_t>(bound, 10);
        for (uint64_t i = 0; i < draws; ++i) {
            const uint64_t value = rng.below(bound);
            REQUIRE(value < bound);
            ++counts[value];
        }
        // Chi-squared has mean bound - 1 and variance 2 (bound - 1): six deviations are chance no
        // more.
        const double expected = static_cast<double>(draws) / static_cast<double>(bound);
        double chi = 0;
        for (const uint64_t count : counts) {
            chi += std::pow(static_cast<double>(count) - expected, 2) / expected;
        }
        const double freedom = static_cast<double>(bound - 1);
        CHECK(std::abs(chi - freedom) <= 6 * std::sqrt(2 * freedom));
    }
}

TEST_CASE("a bound that does not divide 2^64 is not biased to small numbers") {
    // With a plain remainder, the lower half of [0, 3 * 2^62) would be drawn twice as often.
    const uint64_t bound = uint64_t{3} << 62;
    CounterRng rng = rng_of(99);
    int low = 0;
    for (int i = 0; i < 9000; ++i) {
        low += rng.below(bound) < bound / 3 ? 1 : 0;
    }
    CHECK(low > 2700);  // expected 3000, deviation 45; biased: 4500
    CHECK(low < 3300);
}

TEST_CASE("unit and normal numbers have their moments") {
    CounterRng rng = rng_of(5);
    double sum = 0;
    double normal_sum = 0;
    double normal_squares = 0;
    for (int i = 0; i < 20000; ++i) {
        const double u = rng.unit();
        REQUIRE(u >= 0);
        REQUIRE(u < 1);
        sum += u;
        const double n = rng.normal();
        normal_sum += n;
        normal_squares += n * n;
    }
    CHECK(sum / 20000 == Approx(0.5).margin(0.015));
    CHECK(normal_sum / 20000 == Approx(0).margin(0.05));
    CHECK(normal_squares / 20000 == Approx(1).margin(0.06));
}

TEST_CASE("distinct draws are distinct, sorted and within the bound") {
    CounterRng rng = rng_of(6);
    for (const uint64_t bound : std::vector<uint64_t>{1, 5, 64, 1000}) {
        for (uint64_t count = 0; count <= std::min<uint64_t>(bound, 20); ++count) {
            const std::vector<uint64_t> drawn = rng.distinct(count, bound);
            REQUIRE(drawn.size() == count);
            CHECK(std::is_sorted(drawn.begin(), drawn.end()));
            CHECK(std::set<uint64_t>(drawn.begin(), drawn.end()).size() == count);
            CHECK((drawn.empty() || drawn.back() < bound));
        }
    }
}

TEST_CASE("distinct draws reach each number equally often") {
    CounterRng rng = rng_of(7);
    std::vector<int> counts(10);
    for (int i = 0; i < 5000; ++i) {
        for (const uint64_t value : rng.distinct(3, 10)) {
            ++counts[value];
        }
    }
    for (const int count : counts) {
        CHECK(count > 1500 - 6 * 33);  // binomial(5000, 0.3): deviation 32.4
        CHECK(count < 1500 + 6 * 33);
    }
}

TEST_CASE("a keyed permutation meets every number once") {
    for (const uint64_t count : std::vector<uint64_t>{
             1, 2, 3, 4, 5, 15, 16, 17, 31, 64, 65, 100, 255, 256, 257, 1000, 4097}) {
        const KeyedPermutation permutation(derive_seed({}, "p", {count}), count);
        std::vector<bool> met(count);
        for (uint64_t i = 0; i < count; ++i) {
            const uint64_t value = permutation.at(i);
            REQUIRE(value < count);
            REQUIRE_FALSE(met[value]);
            met[value] = true;
        }
    }
}

TEST_CASE("other keys and counts permute otherwise") {
    const KeyedPermutation a(derive_seed({}, "a"), 1000);
    const KeyedPermutation b(derive_seed({}, "b"), 1000);
    const KeyedPermutation c(derive_seed({}, "a"), 1001);
    int same_key = 0;
    int same_count = 0;
    int fixed = 0;
    for (uint64_t i = 0; i < 1000; ++i) {
        same_key += a.at(i) == b.at(i) ? 1 : 0;
        same_count += a.at(i) == c.at(i) ? 1 : 0;
        fixed += a.at(i) == i ? 1 : 0;
    }
    CHECK(same_key < 10);  // expected 1 each
    CHECK(same_count < 10);
    CHECK(fixed < 10);
}

TEST_CASE("a permutation of 2^61 works without memory") {
    const uint64_t count = uint64_t{1} << 61;
    const KeyedPermutation permutation(derive_seed({}, "large"), count);
    std::set<uint64_t> values;
    for (uint64_t i = 0; i < 1000; ++i) {
        values.insert(permutation.at(i));
    }
    CHECK(values.size() == 1000);
    CHECK(*values.rbegin() < count);
}

}  // namespace assay
