// Compiled for AVX-512: only intrinsics, plain loops and templates over types of this file here.
#include <immintrin.h>

#include "kernels/gemm_body.h"
#include "kernels/lanes_avx512.h"

namespace assay {

namespace {

struct Avx512Gemm {
    using Lanes = Avx512Lanes;
    static constexpr size_t kRows = 14;
    static constexpr size_t kVectors = 2;
    static constexpr size_t kBlockRows = 112;
    static constexpr size_t kBlockDepth = 1024;
    static constexpr size_t kBlockColumns = 1024;
    static constexpr size_t kSquare = 16;
    static constexpr size_t kStreamPanels = 4;

    template <size_t kLine>
    static void copy_line(const float* from, float* to) {
        if constexpr (kLine == 32) {
            _mm512_storeu_ps(to, _mm512_loadu_ps(from));
            _mm512_storeu_ps(to + 16, _mm512_loadu_ps(from + 16));
        } else {
            constexpr __mmask16 kMask = (1U << kLine) - 1U;
            _mm512_mask_storeu_ps(to, kMask, _mm512_maskz_loadu_ps(kMask, from));
        }
    }

    // Four rows i, i + 4, i + 8, i + 12: four columns of each.
    static __m512 quarters(const float* const* rows, size_t column) {
        __m512 q = _mm512_castps128_ps512(_mm_loadu_ps(rows[0] + column));
        q = _mm512_insertf32x4(q, _mm_loadu_ps(rows[4] + column), 1);
        q = _mm512_insertf32x4(q, _mm_loadu_ps(rows[8] + column), 2);
        return _mm512_insertf32x4(q, _mm_loadu_ps(rows[12] + column), 3);
    }

    // to[column * kLine + i] = rows[i][column]
    template <size_t kLine>
    static void transpose_square(const float* const* rows, float* to) {
        for (size_t column = 0; column < 16; column += 4, to += 4 * kLine) {
            const __m512 q0 = quarters(rows, column);
            const __m512 q1 = quarters(rows + 1, column);
            const __m512 q2 = quarters(rows + 2, column);
            const __m512 q3 = quarters(rows + 3, column);
            const __m512d low01 = _mm512_castps_pd(_mm512_unpacklo_ps(q0, q1));
            const __m512d low23 = _mm512_castps_pd(_mm512_unpacklo_ps(q2, q3));
            const __m512d high01 = _mm512_castps_pd(_mm512_unpackhi_ps(q0, q1));
            const __m512d high23 = _mm512_castps_pd(_mm512_unpackhi_ps(q2, q3));
            _mm512_storeu_pd(to, _mm512_unpacklo_pd(low01, low23));
            _mm512_storeu_pd(to + kLine, _mm512_unpackhi_pd(low01, low23));
            _mm512_storeu_pd(to + 2 * kLine, _mm512_unpacklo_pd(high01, high23));
            _mm512_storeu_pd(to + 3 * kLine, _mm512_unpackhi_pd(high01, high23));
        }
    }
};

}  // namespace

const GemmPath kGemmAvx512 = {
    Avx512Gemm::kRows, GemmBody<Avx512Gemm>::scratch, GemmBody<Avx512Gemm>::run};

}  // namespace assay
