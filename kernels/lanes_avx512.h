// Sixteen fp32 lanes in one 512-bit register. The meaning of each function: lanes_scalar.h.
//
// Only files compiled for AVX-512 include this.

#pragma once

#include <immintrin.h>

#include <cstddef>

namespace assay {

struct Avx512Lanes {
    __m512 value;

    // Each does what ScalarLanes does, bit for bit (kernels/lanes_scalar.h).
    static Avx512Lanes broadcast(float x) { return {_mm512_set1_ps(x)}; }
    static Avx512Lanes load(const float* from) { return {_mm512_loadu_ps(from)}; }
    static Avx512Lanes load_first(const float* from, size_t count) {
        return {_mm512_maskz_loadu_ps(mask(count), from)};
    }
    void store(float* to) const { _mm512_storeu_ps(to, value); }
    void store_first(float* to, size_t count) const {
        _mm512_mask_storeu_ps(to, mask(count), value);
    }

    friend Avx512Lanes operator+(Avx512Lanes a, Avx512Lanes b) {
        return {_mm512_add_ps(a.value, b.value)};
    }
    friend Avx512Lanes operator-(Avx512Lanes a, Avx512Lanes b) {
        return {_mm512_sub_ps(a.value, b.value)};
    }
    friend Avx512Lanes operator*(Avx512Lanes a, Avx512Lanes b) {
        return {_mm512_mul_ps(a.value, b.value)};
    }
    friend Avx512Lanes operator/(Avx512Lanes a, Avx512Lanes b) {
        return {_mm512_div_ps(a.value, b.value)};
    }
    friend Avx512Lanes fma(Avx512Lanes a, Avx512Lanes b, Avx512Lanes c) {
        return {_mm512_fmadd_ps(a.value, b.value, c.value)};
    }
    friend Avx512Lanes sqrt(Avx512Lanes a) { return {_mm512_sqrt_ps(a.value)}; }
    friend Avx512Lanes greater_of(Avx512Lanes a, Avx512Lanes b) {
        return {_mm512_max_ps(a.value, b.value)};
    }
    friend Avx512Lanes lesser_of(Avx512Lanes a, Avx512Lanes b) {
        return {_mm512_min_ps(a.value, b.value)};
    }
    friend Avx512Lanes first_of(size_t count, Avx512Lanes a, Avx512Lanes b) {
        return {_mm512_mask_blend_ps(mask(count), b.value, a.value)};
    }
    friend Avx512Lanes power_of_two(Avx512Lanes t) {
        const __m512i bits = _mm512_castps_si512(t.value);
        return {_mm512_castsi512_ps(
            _mm512_slli_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(127)), 23))};
    }

    [[nodiscard]] float sum() const {
        const __m256 eight = _mm256_add_ps(low(), high());
        const __m128 four =
            _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    [[nodiscard]] float greatest() const {
        const __m256 eight = _mm256_max_ps(low(), high());
        const __m128 four =
            _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
    }

private:
    static __mmask16 mask(size_t count) { return static_cast<__mmask16>((1U << count) - 1U); }
    [[nodiscard]] __m256 low() const { return _mm512_castps512_ps256(value); }
    [[nodiscard]] __m256 high() const { return _mm512_extractf32x8_ps(value, 1); }
};

}  // namespace assay
