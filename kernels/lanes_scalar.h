// Sixteen fp32 lanes in plain C++: what every other lanes_*.h must equal, lane by lane.
//
// A kernel body is a template over its lanes type; each path's file instantiates it with its own.
// So the order of operations is written once. Only kernels/ includes this.

#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace assay {

inline constexpr size_t kLanes = 16;

struct ScalarLanes {
    float value[kLanes];

    // Memory needs no alignment; `_first` touches `count` values alone.
    static ScalarLanes broadcast(float x) {
        return each([&](size_t) { return x; });
    }
    static ScalarLanes load(const float* from) {
        return each([&](size_t i) { return from[i]; });
    }
    // The first `count` lanes from memory, +0 in the others. count <= 16.
    static ScalarLanes load_first(const float* from, size_t count) {
        return each([&](size_t i) { return i < count ? from[i] : 0.0F; });
    }
    void store(float* to) const { store_first(to, kLanes); }
    void store_first(float* to, size_t count) const {
        for (size_t i = 0; i < count; ++i) {
            to[i] = value[i];
        }
    }

    friend ScalarLanes operator+(ScalarLanes a, ScalarLanes b) {
        return each([&](size_t i) { return a.value[i] + b.value[i]; });
    }
    friend ScalarLanes operator-(ScalarLanes a, ScalarLanes b) {
        return each([&](size_t i) { return a.value[i] - b.value[i]; });
    }
    friend ScalarLanes operator*(ScalarLanes a, ScalarLanes b) {
        return each([&](size_t i) { return a.value[i] * b.value[i]; });
    }
    friend ScalarLanes operator/(ScalarLanes a, ScalarLanes b) {
        return each([&](size_t i) { return a.value[i] / b.value[i]; });
    }
    // a * b + c, rounded once.
    friend ScalarLanes fma(ScalarLanes a, ScalarLanes b, ScalarLanes c) {
        return each([&](size_t i) { return std::fma(a.value[i], b.value[i], c.value[i]); });
    }
    friend ScalarLanes sqrt(ScalarLanes a) {
        return each([&](size_t i) { return std::sqrt(a.value[i]); });
    }
    // a > b ? a : b, and a < b ? a : b: b where one of them is NaN or both are zeros.
    friend ScalarLanes greater_of(ScalarLanes a, ScalarLanes b) {
        return each([&](size_t i) { return a.value[i] > b.value[i] ? a.value[i] : b.value[i]; });
    }
    friend ScalarLanes lesser_of(ScalarLanes a, ScalarLanes b) {
        return each([&](size_t i) { return a.value[i] < b.value[i] ? a.value[i] : b.value[i]; });
    }
    // a in the first `count` lanes, b in the others.
    friend ScalarLanes first_of(size_t count, ScalarLanes a, ScalarLanes b) {
        return each([&](size_t i) { return i < count ? a.value[i] : b.value[i]; });
    }
    // The float whose bits are (bits(t) + 127) << 23: 2^n for t = 1.5 * 2^23 + n.
    friend ScalarLanes power_of_two(ScalarLanes t) {
        return each([&](size_t i) {
            return std::bit_cast<float>((std::bit_cast<uint32_t>(t.value[i]) + 127U) << 23U);
        });
    }

    // The fixed tree: lane i takes lane i + 8, then i + 4, i + 2, i + 1.
    [[nodiscard]] float sum() const {
        ScalarLanes s = *this;
        for (size_t half = kLanes / 2; half > 0; half /= 2) {
            for (size_t i = 0; i < half; ++i) {
                s.value[i] = s.value[i] + s.value[i + half];
            }
        }
        return s.value[0];
    }
    // The same tree of greater_of(lane i, lane i + half).
    [[nodiscard]] float greatest() const {
        ScalarLanes s = *this;
        for (size_t half = kLanes / 2; half > 0; half /= 2) {
            for (size_t i = 0; i < half; ++i) {
                s.value[i] = s.value[i] > s.value[i + half] ? s.value[i] : s.value[i + half];
            }
        }
        return s.value[0];
    }

private:
    template <class F>
    static ScalarLanes each(F f) {
        ScalarLanes result{};
        for (size_t i = 0; i < kLanes; ++i) {
            result.value[i] = f(i);
        }
        return result;
    }
};

}  // namespace assay
