// Compiled for AVX2 and FMA: intrinsics and plain loops only, see chunk_ops.h.
#include <immintrin.h>

#include "compression/chunk_ops.h"

namespace assay {

namespace {

constexpr size_t kValues = 4096;

// 31-bit magnitudes are the same numbers signed and unsigned, so that signed comparisons will do.
__m256i magnitudes(__m256 a) {
    return _mm256_and_si256(_mm256_castps_si256(a), _mm256_set1_epi32(0x7fffffff));
}

uint32_t lanes_max(__m256i x) {
    uint32_t lanes[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), x);
    uint32_t most = 0;
    for (const uint32_t lane : lanes) {
        most = lane > most ? lane : most;
    }
    return most;
}

uint32_t feedback_256(const FeedbackIn& in, float* a, float* groups) {
    const __m256 beta = _mm256_set1_ps(in.beta);
    __m256i greatest = _mm256_setzero_si256();
    for (size_t first = 0; first < kValues; first += 128) {
        __m256i most = _mm256_setzero_si256();
        for (size_t i = first; i < first + 128; i += 8) {
            const __m256 d = _mm256_sub_ps(_mm256_loadu_ps(in.theta_start + i),
                                           _mm256_loadu_ps(in.theta_end + i));
            const __m256 x = _mm256_fmadd_ps(beta, _mm256_loadu_ps(in.e + i), d);
            _mm256_storeu_ps(a + i, x);
            most = _mm256_max_epi32(most, magnitudes(x));
        }
        _mm256_storeu_ps(groups + first / 16, _mm256_castsi256_ps(most));
        greatest = _mm256_max_epi32(greatest, most);
    }
    return lanes_max(greatest);
}

uint32_t group_maxima_256(const float* a, float* groups) {
    __m256i greatest = _mm256_setzero_si256();
    for (size_t first = 0; first < kValues; first += 128) {
        __m256i most = _mm256_setzero_si256();
        for (size_t i = first; i < first + 128; i += 8) {
            most = _mm256_max_epi32(most, magnitudes(_mm256_loadu_ps(a + i)));
        }
        _mm256_storeu_ps(groups + first / 16, _mm256_castsi256_ps(most));
        greatest = _mm256_max_epi32(greatest, most);
    }
    return lanes_max(greatest);
}

// REQUIRES: t > 0.
uint32_t at_least(const float* values, size_t count, uint32_t t) {
    const __m256i bound = _mm256_set1_epi32(static_cast<int>(t - 1));
    __m256i found = _mm256_setzero_si256();
    for (size_t i = 0; i < count; i += 8) {
        const __m256i above = _mm256_cmpgt_epi32(magnitudes(_mm256_loadu_ps(values + i)), bound);
        found = _mm256_sub_epi32(found, above);
    }
    uint32_t lanes[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), found);
    uint32_t sum = 0;
    for (const uint32_t lane : lanes) {
        sum += lane;
    }
    return sum;
}

uint32_t threshold_256(const float* values, size_t count, uint32_t k, uint32_t zero_bits) {
    __m256i differing = _mm256_setzero_si256();
    const __m256i one = magnitudes(_mm256_set1_ps(values[0]));
    for (size_t i = 0; i < count; i += 8) {
        differing = _mm256_or_si256(differing,
                                    _mm256_xor_si256(magnitudes(_mm256_loadu_ps(values + i)), one));
    }
    uint32_t lanes[8];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), differing);
    uint32_t differ = 0;
    for (const uint32_t lane : lanes) {
        differ |= lane;
    }
    // All share the bits above the highest in which any two differ.
    const uint32_t below =
        differ == 0 ? 0 : 0xffffffffU >> static_cast<uint32_t>(__builtin_clz(differ));
    uint32_t t = static_cast<uint32_t>(_mm256_cvtsi256_si32(one)) & ~below;
    for (uint32_t bit = (below >> 1) + (below & 1U); bit >= (1U << zero_bits); bit >>= 1) {
        const uint32_t found = at_least(values, count, t | bit);
        if (found >= k) {
            t |= bit;
            if (found == k) {
                return t;
            }
        }
    }
    return t & ~((1U << zero_bits) - 1);
}

void bitmap_256(const float* a, uint32_t t, uint64_t* words) {
    const __m256i bound = _mm256_set1_epi32(static_cast<int>(t - 1));
    for (size_t w = 0; w < kChunkBitmapWords; ++w, a += 64) {
        uint64_t word = 0;
        for (size_t i = 0; i < 8; ++i) {
            const __m256i above = _mm256_cmpgt_epi32(magnitudes(_mm256_loadu_ps(a + 8 * i)), bound);
            const auto bits = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(above)));
            word |= static_cast<uint64_t>(bits) << (8 * i);
        }
        words[w] = word;
    }
}

LowSum low_sum_256(const float* values, size_t count, double split) {
    const __m256d bound = _mm256_set1_pd(split);
    __m256d sum = _mm256_setzero_pd();
    uint32_t low = 0;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        const __m256d x = _mm256_cvtps_pd(_mm_loadu_ps(values + i));
        const __m256d below = _mm256_cmp_pd(x, bound, _CMP_LT_OQ);
        sum = _mm256_add_pd(sum, _mm256_and_pd(below, x));
        low += static_cast<uint32_t>(
            __builtin_popcount(static_cast<uint32_t>(_mm256_movemask_pd(below))));
    }
    double lanes[4];
    _mm256_storeu_pd(lanes, sum);
    double total = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    for (; i < count; ++i) {
        const double x = static_cast<double>(values[i]);
        total += x < split ? x : 0;
        low += x < split ? 1 : 0;
    }
    return {total, low};
}

// The square of an fp32 is exact in double, so that fma rounds as the sum alone does.
template <size_t kGroups>
void sum_squares_of(const float* values, size_t rows, double* sums) {
    __m256d sum[2 * kGroups];
    for (size_t g = 0; g < 2 * kGroups; ++g) {
        sum[g] = _mm256_setzero_pd();
    }
    for (size_t i = 0; i < rows; ++i, values += kShareLanes) {
        for (size_t g = 0; g < 2 * kGroups; ++g) {
            const __m256d x = _mm256_cvtps_pd(_mm_loadu_ps(values + 4 * g));
            sum[g] = _mm256_fmadd_pd(x, x, sum[g]);
        }
    }
    for (size_t g = 0; g < 2 * kGroups; ++g) {
        _mm256_storeu_pd(sums + 4 * g, sum[g]);
    }
}

void sum_squares_256(const float* values, size_t rows, size_t lanes, double* sums) {
    switch ((lanes + 7) / 8) {
        case 1:
            return sum_squares_of<1>(values, rows, sums);
        case 2:
            return sum_squares_of<2>(values, rows, sums);
        case 3:
            return sum_squares_of<3>(values, rows, sums);
        default:
            return sum_squares_of<4>(values, rows, sums);
    }
}

}  // namespace

const ChunkOps& chunk_ops_avx2() {
    static constexpr ChunkOps kOps = {
        feedback_256, group_maxima_256, threshold_256, bitmap_256, low_sum_256, sum_squares_256};
    return kOps;
}

}  // namespace assay
