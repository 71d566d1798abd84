// Sixteen fp32 lanes in two 256-bit registers. The meaning of each function: lanes_scalar.h.
//
// Only files compiled for AVX2 with FMA include this.

#pragma once

#include <immintrin.h>

#include <cstddef>

namespace assay {

struct Avx2Lanes {
    __m256 low;
    __m256 high;

    // Each does what ScalarLanes does, bit for bit (kernels/lanes_scalar.h).
    static Avx2Lanes broadcast(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
    static Avx2Lanes load(const float* from) {
        return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
    }
    static Avx2Lanes load_first(const float* from, size_t count) {
        return {_mm256_maskload_ps(from, mask(count, 0)),
                count > 8 ? _mm256_maskload_ps(from + 8, mask(count, 8)) : _mm256_setzero_ps()};
    }
    void store(float* to) const {
        _mm256_storeu_ps(to, low);
        _mm256_storeu_ps(to + 8, high);
    }
    void store_first(float* to, size_t count) const {
        _mm256_maskstore_ps(to, mask(count, 0), low);
        if (count > 8) {
            _mm256_maskstore_ps(to + 8, mask(count, 8), high);
        }
    }

    friend Avx2Lanes operator+(Avx2Lanes a, Avx2Lanes b) {
        return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
    }
    friend Avx2Lanes operator-(Avx2Lanes a, Avx2Lanes b) {
        return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
    }
    friend Avx2Lanes operator*(Avx2Lanes a, Avx2Lanes b) {
        return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
    }
    friend Avx2Lanes operator/(Avx2Lanes a, Avx2Lanes b) {
        return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
    }
    friend Avx2Lanes fma(Avx2Lanes a, Avx2Lanes b, Avx2Lanes c) {
        return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
    }
    friend Avx2Lanes sqrt(Avx2Lanes a) { return {_mm256_sqrt_ps(a.low), _mm256_sqrt_ps(a.high)}; }
    friend Avx2Lanes greater_of(Avx2Lanes a, Avx2Lanes b) {
        return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
    }
    friend Avx2Lanes lesser_of(Avx2Lanes a, Avx2Lanes b) {
        return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
    }
    friend Avx2Lanes first_of(size_t count, Avx2Lanes a, Avx2Lanes b) {
        return {_mm256_blendv_ps(b.low, a.low, _mm256_castsi256_ps(mask(count, 0))),
                _mm256_blendv_ps(b.high, a.high, _mm256_castsi256_ps(mask(count, 8)))};
    }
    friend Avx2Lanes power_of_two(Avx2Lanes t) { return {power(t.low), power(t.high)}; }

    [[nodiscard]] float sum() const {
        const __m256 eight = _mm256_add_ps(low, high);
        const __m128 four =
            _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    [[nodiscard]] float greatest() const {
        const __m256 eight = _mm256_max_ps(low, high);
        const __m128 four =
            _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
    }

private:
    // All ones in lane i where first + i < count.
    static __m256i mask(size_t count, int first) {
        const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count) - first), index);
    }
    static __m256 power(__m256 t) {
        const __m256i bits = _mm256_castps_si256(t);
        return _mm256_castsi256_ps(
            _mm256_slli_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(127)), 23));
    }
};

}  // namespace assay
