// Inputs that hurt, and the comparison of every kernel path and thread count with the scalar file.

#pragma once

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "kernels/kernel_path.h"
#include "kernels/thread_pool.h"

namespace assay {

// SplitMix64: needs no library, so that these tests also run where only kernels/ was compiled.
class SplitMix {
public:
    explicit SplitMix(uint64_t seed) : state_(seed * 0xD1342543DE82EF95U + 1) {}
    uint64_t next() {
        state_ += 0x9E3779B97F4A7C15U;
        uint64_t z = (state_ ^ (state_ >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

private:
    uint64_t state_;
};

inline std::vector<int32_t> random_tokens(uint64_t seed, size_t count, size_t vocab) {
    SplitMix random(seed);
    std::vector<int32_t> tokens(count);
    for (int32_t& token : tokens) {
        token = static_cast<int32_t>(random.next() % vocab);
    }
    return tokens;
}

enum class Inputs : int { kPlain, kWide, kHostile, kBits, kSparse };
inline constexpr Inputs kAllInputs[] = {
    Inputs::kPlain, Inputs::kWide, Inputs::kHostile, Inputs::kBits};

// The inputs of a test that goes over all paths and thread counts. The thread sanitizer makes
// arithmetic some twenty times as slow and looks at who touches what, not at values: its preset
// sets this variable, and one kind is enough.
inline std::vector<Inputs> tested_inputs() {
    if (std::getenv("ASSAY_TEST_ONE_KIND_OF_INPUTS") != nullptr) {
        return {Inputs::kHostile};
    }
    return {std::begin(kAllInputs), std::end(kAllInputs)};
}

inline float hostile_value(uint64_t kind, float plain) {
    const float infinity = std::numeric_limits<float>::infinity();
    const float special[] = {0.0F,
                             -0.0F,
                             1e-45F,
                             -1e-40F,
                             1.1754944e-38F,
                             3e38F,
                             -3.4e38F,
                             1e-20F,
                             infinity,
                             -infinity,
                             87.5F,
                             -87.5F,
                             89.0F,
                             -104.0F,
                             1e19F};
    return kind < std::size(special) ? special[kind] : plain;
}

inline float sparse_value(uint64_t random, float wide) {
    const float infinity = std::numeric_limits<float>::infinity();
    const float special[] = {infinity, -infinity, std::nanf(""), 3e38F, -3.4e38F};
    const uint64_t kind = random % 16384;
    if (kind < std::size(special)) {
        return special[kind];
    }
    return random % 3 == 0 ? std::ldexp(wide, -126) : wide;
}

// kPlain: [-1, 1); kWide: 40 binades with zeros; kHostile: plain with denormals, huge and tiny
// values, zeros of both signs and infinities; kBits: any bit pattern, NaN among them; kSparse:
// wide, a third of it around the denormals, with so few infinities, NaN and huge values that long
// chains do not all end as NaN, which would compare nothing.
inline std::vector<float> exact_inputs(uint64_t seed, size_t count, Inputs inputs) {
    SplitMix rng(seed);
    std::vector<float> values(count);
    for (float& value : values) {
        const uint64_t random = rng.next();
        const double unit = std::ldexp(static_cast<double>(random >> 40U), -23) - 1.0;
        value = static_cast<float>(unit);
        if (inputs == Inputs::kWide || inputs == Inputs::kSparse) {
            value = random % 16 == 0
                        ? 0.0F
                        : static_cast<float>(std::ldexp(unit, static_cast<int>(random % 41) - 20));
        }
        if (inputs == Inputs::kSparse) {
            value = sparse_value(random >> 16U, value);
        } else if (inputs == Inputs::kHostile) {
            value = hostile_value(random % 64, value);
        } else if (inputs == Inputs::kBits) {
            value = std::bit_cast<float>(static_cast<uint32_t>(random >> 8U));
        }
    }
    return values;
}

// Bits, or both NaN: payloads and signs of NaN are not specified.
inline bool same_value(float a, float b) {
    return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) ||
           (std::isnan(a) && std::isnan(b));
}

inline void require_same(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    for (size_t i = 0; i < a.size(); ++i) {
        if (!same_value(a[i], b[i])) {
            FAIL("value " << i << " of " << a.size() << ": " << a[i] << " and " << b[i]);
        }
    }
}

// run(pool) gives the outputs: those of every path at 1, 2 and 3 threads equal the scalar ones.
template <class Run>
void require_same_on_all_paths(const Run& run) {
    ThreadPool alone(1);
    std::vector<float> expected;
    {
        const ForcedKernelPath forced(KernelPath::kScalar);
        expected = run(alone);
    }
    for (const KernelPath path : available_kernel_paths()) {
        const ForcedKernelPath forced(path);
        for (const int threads : {1, 2, 3}) {
            INFO(kernel_path_name(path) << " kernels, " << threads << " threads");
            ThreadPool pool(threads);
            require_same(run(pool), expected);
        }
    }
}

template <class... Vectors>
std::vector<float> joined(const Vectors&... parts) {
    std::vector<float> all;
    (all.insert(all.end(), parts.begin(), parts.end()), ...);
    return all;
}

// Derivative of function() by `at`, by central differences in double.
template <class Function>
double finite_difference(double& at, const Function& function) {
    const double middle = at;
    const double step = 1e-5;
    at = middle + step;
    const double above = function();
    at = middle - step;
    const double below = function();
    at = middle;
    return (above - below) / (2 * step);
}

}  // namespace assay
