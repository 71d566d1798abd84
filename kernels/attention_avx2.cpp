// Attention and rotations in 256-bit registers. Compiled for AVX2 with FMA: only intrinsics, plain
// loops and templates over types of this file here.
#include <immintrin.h>

#include "kernels/attention_body.h"
#include "kernels/lanes_avx2.h"

namespace assay {

namespace {

struct Avx2Attention {
    using Lanes = Avx2Lanes;
    static constexpr size_t kVectors = 1;
    static constexpr size_t kRows = 6;
    static constexpr size_t kSpreadRows = 6;
    static constexpr size_t kSpreadVectors = 1;
    static constexpr size_t kChunk = 96;
    static constexpr size_t kBlocks = 8;
    static constexpr size_t kSquare = 8;

    // Four columns of the rows 0 and 4.
    static __m256 halves(const float* from, size_t row) {
        return _mm256_insertf128_ps(
            _mm256_castps128_ps256(_mm_loadu_ps(from)), _mm_loadu_ps(from + 4 * row), 1);
    }

    // to[column * to_row + row] = from[row * from_row + column], 8 x 8
    static void transpose_square(const float* from, size_t from_row, float* to, size_t to_row) {
        for (size_t column = 0; column < 8; column += 4, from += 4, to += 4 * to_row) {
            const __m256 h0 = halves(from, from_row);
            const __m256 h1 = halves(from + from_row, from_row);
            const __m256 h2 = halves(from + 2 * from_row, from_row);
            const __m256 h3 = halves(from + 3 * from_row, from_row);
            const __m256 low01 = _mm256_unpacklo_ps(h0, h1);
            const __m256 low23 = _mm256_unpacklo_ps(h2, h3);
            const __m256 high01 = _mm256_unpackhi_ps(h0, h1);
            const __m256 high23 = _mm256_unpackhi_ps(h2, h3);
            _mm256_storeu_ps(to, _mm256_shuffle_ps(low01, low23, 0x44));
            _mm256_storeu_ps(to + to_row, _mm256_shuffle_ps(low01, low23, 0xEE));
            _mm256_storeu_ps(to + 2 * to_row, _mm256_shuffle_ps(high01, high23, 0x44));
            _mm256_storeu_ps(to + 3 * to_row, _mm256_shuffle_ps(high01, high23, 0xEE));
        }
    }
};

}  // namespace

constinit const AttentionPath kAttentionAvx2 = AttentionBody<Avx2Attention>::path();

}  // namespace assay
