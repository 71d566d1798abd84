// Compiled for AVX2 with FMA: only intrinsics, plain loops and templates over types of this file.
#include <immintrin.h>

#include "kernels/gemm_body.h"
#include "kernels/lanes_avx2.h"

namespace assay {

namespace {

struct Avx2Gemm {
    using Lanes = Avx2Lanes;
    static constexpr size_t kRows = 6;
    static constexpr size_t kVectors = 1;
    static constexpr size_t kBlockRows = 96;
    static constexpr size_t kBlockDepth = 1024;
    static constexpr size_t kBlockColumns = 1024;
    static constexpr size_t kSquare = 8;
    static constexpr size_t kStreamPanels = 2;

    template <size_t kLine>
    static void copy_line(const float* from, float* to) {
        if constexpr (kLine == 32) {
            for (size_t i = 0; i < kLine; i += 8) {
                _mm256_storeu_ps(to + i, _mm256_loadu_ps(from + i));
            }
        } else {
            _mm_storeu_ps(to, _mm_loadu_ps(from));
            _mm_storeu_ps(to + kLine - 4, _mm_loadu_ps(from + kLine - 4));
        }
    }

    // Rows i and i + 4: four columns of each.
    static __m256 halves(const float* const* rows, size_t column) {
        return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows[0] + column)),
                                    _mm_loadu_ps(rows[4] + column),
                                    1);
    }

    // to[column * kLine + i] = rows[i][column]
    template <size_t kLine>
    static void transpose_square(const float* const* rows, float* to) {
        for (size_t column = 0; column < 8; column += 4, to += 4 * kLine) {
            const __m256 h0 = halves(rows, column);
            const __m256 h1 = halves(rows + 1, column);
            const __m256 h2 = halves(rows + 2, column);
            const __m256 h3 = halves(rows + 3, column);
            const __m256 low01 = _mm256_unpacklo_ps(h0, h1);
            const __m256 low23 = _mm256_unpacklo_ps(h2, h3);
            const __m256 high01 = _mm256_unpackhi_ps(h0, h1);
            const __m256 high23 = _mm256_unpackhi_ps(h2, h3);
            _mm256_storeu_ps(to, _mm256_shuffle_ps(low01, low23, 0x44));
            _mm256_storeu_ps(to + kLine, _mm256_shuffle_ps(low01, low23, 0xEE));
            _mm256_storeu_ps(to + 2 * kLine, _mm256_shuffle_ps(high01, high23, 0x44));
            _mm256_storeu_ps(to + 3 * kLine, _mm256_shuffle_ps(high01, high23, 0xEE));
        }
    }
};

}  // namespace

const GemmPath kGemmAvx2 = {Avx2Gemm::kRows, GemmBody<Avx2Gemm>::scratch, GemmBody<Avx2Gemm>::run};

}  // namespace assay
