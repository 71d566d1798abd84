// Attention and rotations in 512-bit registers. Compiled for AVX-512: only intrinsics, plain loops
// and templates over types of this file here.
#include <immintrin.h>

#include "kernels/attention_body.h"
#include "kernels/lanes_avx512.h"

namespace assay {

namespace {

struct Avx512Attention {
    using Lanes = Avx512Lanes;
    static constexpr size_t kVectors = 2;
    static constexpr size_t kRows = 8;
    static constexpr size_t kSpreadRows = 4;
    static constexpr size_t kSpreadVectors = 4;
    static constexpr size_t kChunk = 64;
    static constexpr size_t kBlocks = 4;
    static constexpr size_t kSquare = 16;

    // Four columns of the rows 0, 4, 8 and 12.
    static __m512 quarters(const float* from, size_t row) {
        __m512 q = _mm512_castps128_ps512(_mm_loadu_ps(from));
        q = _mm512_insertf32x4(q, _mm_loadu_ps(from + 4 * row), 1);
        q = _mm512_insertf32x4(q, _mm_loadu_ps(from + 8 * row), 2);
        return _mm512_insertf32x4(q, _mm_loadu_ps(from + 12 * row), 3);
    }

    // to[column * to_row + row] = from[row * from_row + column], 16 x 16
    static void transpose_square(const float* from, size_t from_row, float* to, size_t to_row) {
        for (size_t column = 0; column < 16; column += 4, from += 4, to += 4 * to_row) {
            const __m512 q0 = quarters(from, from_row);
            const __m512 q1 = quarters(from + from_row, from_row);
            const __m512 q2 = quarters(from + 2 * from_row, from_row);
            const __m512 q3 = quarters(from + 3 * from_row, from_row);
            const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(q0, q1));
            const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(q2, q3));
            const __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(q0, q1));
            const __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(q2, q3));
            _mm512_storeu_pd(to, _mm512_unpacklo_pd(low01, low23));
            _mm512_storeu_pd(to + to_row, _mm512_unpackhi_pd(low01, low23));
            _mm512_storeu_pd(to + 2 * to_row, _mm512_unpacklo_pd(high01, high23));
            _mm512_storeu_pd(to + 3 * to_row, _mm512_unpackhi_pd(high01, high23));
        }
    }
};

}  // namespace

constinit const AttentionPath kAttentionAvx512 = AttentionBody<Avx512Attention>::path();

}  // namespace assay
