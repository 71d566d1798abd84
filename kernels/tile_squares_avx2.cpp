// Compiled with -mavx2 -mfma: eight tiles side by side, four in a register.
#include <immintrin.h>

#include "kernels/tile_squares.h"

namespace assay {

namespace {

constexpr size_t kTile = 4096;

// The next four values of four tiles, each tile in its lane; added in the order of the values.
inline __m256d add_four(const float* from, __m256d sum) {
    __m128 rows[4] = {_mm_loadu_ps(from),
                      _mm_loadu_ps(from + kTile),
                      _mm_loadu_ps(from + 2 * kTile),
                      _mm_loadu_ps(from + 3 * kTile)};
    _MM_TRANSPOSE4_PS(rows[0], rows[1], rows[2], rows[3]);
    for (const __m128 row : rows) {
        const __m256d wide = _mm256_cvtps_pd(row);
        sum = _mm256_add_pd(sum, _mm256_mul_pd(wide, wide));
    }
    return sum;
}

}  // namespace

void tile_squares_avx2(const float* values, size_t tiles, double* sums) {
    size_t t = 0;
    for (; t + 8 <= tiles; t += 8) {
        const float* from = values + t * kTile;
        __m256d low = _mm256_setzero_pd();
        __m256d high = _mm256_setzero_pd();
        for (size_t i = 0; i < kTile; i += 4) {
            // The tiles after these, two lines at a time: memory is read in order.
            _mm_prefetch(from + 8 * (kTile + i), _MM_HINT_T1);
            _mm_prefetch(from + 8 * (kTile + i) + 16, _MM_HINT_T1);
            low = add_four(from + i, low);
            high = add_four(from + 4 * kTile + i, high);
        }
        _mm256_storeu_pd(sums + t, low);
        _mm256_storeu_pd(sums + t + 4, high);
    }
    tile_squares_scalar(values + t * kTile, tiles - t, sums + t);
}

}  // namespace assay
