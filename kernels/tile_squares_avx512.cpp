// Compiled for AVX-512: eight tiles side by side in a register.
#include <immintrin.h>

#include "kernels/tile_squares.h"

namespace assay {

namespace {

constexpr size_t kTile = 4096;

inline __m512d add_row(__m256 row, __m512d sum) {
    const __m512d wide = _mm512_cvtps_pd(row);
    return _mm512_add_pd(sum, _mm512_mul_pd(wide, wide));
}

// Four values of four tiles in the low half and of the four tiles after them in the high half.
inline __m256 load_pair(const float* from, size_t tile) {
    const __m128 low = _mm_loadu_ps(from + tile * kTile);
    return _mm256_insertf128_ps(
        _mm256_castps128_ps256(low), _mm_loadu_ps(from + (tile + 4) * kTile), 1);
}

// The next four values of eight tiles, each tile in its lane; added in the order of the values.
inline __m512d add_four(const float* from, __m512d sum) {
    const __m256 a = load_pair(from, 0);
    const __m256 b = load_pair(from, 1);
    const __m256 c = load_pair(from, 2);
    const __m256 d = load_pair(from, 3);
    const __m256 ab_low = _mm256_unpacklo_ps(a, b);
    const __m256 cd_low = _mm256_unpacklo_ps(c, d);
    const __m256 ab_high = _mm256_unpackhi_ps(a, b);
    const __m256 cd_high = _mm256_unpackhi_ps(c, d);
    sum = add_row(_mm256_shuffle_ps(ab_low, cd_low, 0x44), sum);
    sum = add_row(_mm256_shuffle_ps(ab_low, cd_low, 0xEE), sum);
    sum = add_row(_mm256_shuffle_ps(ab_high, cd_high, 0x44), sum);
    return add_row(_mm256_shuffle_ps(ab_high, cd_high, 0xEE), sum);
}

}  // namespace

void tile_squares_avx512(const float* values, size_t tiles, double* sums) {
    size_t t = 0;
    for (; t + 8 <= tiles; t += 8) {
        const float* from = values + t * kTile;
        __m512d sum = _mm512_setzero_pd();
        for (size_t i = 0; i < kTile; i += 4) {
            // The tiles after these, two lines at a time: memory is read in order.
            _mm_prefetch(from + 8 * (kTile + i), _MM_HINT_T1);
            _mm_prefetch(from + 8 * (kTile + i) + 16, _MM_HINT_T1);
            sum = add_four(from + i, sum);
        }
        _mm512_storeu_pd(sums + t, sum);
    }
    tile_squares_scalar(values + t * kTile, tiles - t, sums + t);
}

}  // namespace assay
