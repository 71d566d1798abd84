// Compiled for AVX-512: intrinsics and plain loops only, see chunk_ops.h.
#include <immintrin.h>

#include "compression/chunk_ops.h"

namespace assay {

namespace {

constexpr size_t kValues = 4096;

__m512i magnitudes(__m512 a) {
    return _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff));
}

uint32_t feedback_512(const FeedbackIn& in, float* a, float* groups) {
    const __m512 beta = _mm512_set1_ps(in.beta);
    __m512i greatest = _mm512_setzero_si512();
    for (size_t first = 0; first < kValues; first += 256) {
        __m512i most = _mm512_setzero_si512();
        for (size_t i = first; i < first + 256; i += 16) {
            const __m512 d = _mm512_sub_ps(_mm512_loadu_ps(in.theta_start + i),
                                           _mm512_loadu_ps(in.theta_end + i));
            const __m512 x = _mm512_fmadd_ps(beta, _mm512_loadu_ps(in.e + i), d);
            _mm512_storeu_ps(a + i, x);
            most = _mm512_max_epu32(most, magnitudes(x));
        }
        _mm512_storeu_ps(groups + first / 16, _mm512_castsi512_ps(most));
        greatest = _mm512_max_epu32(greatest, most);
    }
    return _mm512_reduce_max_epu32(greatest);
}

uint32_t group_maxima_512(const float* a, float* groups) {
    __m512i greatest = _mm512_setzero_si512();
    for (size_t first = 0; first < kValues; first += 256) {
        __m512i most = _mm512_setzero_si512();
        for (size_t i = first; i < first + 256; i += 16) {
            most = _mm512_max_epu32(most, magnitudes(_mm512_loadu_ps(a + i)));
        }
        _mm512_storeu_ps(groups + first / 16, _mm512_castsi512_ps(most));
        greatest = _mm512_max_epu32(greatest, most);
    }
    return _mm512_reduce_max_epu32(greatest);
}

uint32_t at_least(const float* values, size_t count, uint32_t t) {
    const __m512i bound = _mm512_set1_epi32(static_cast<int>(t));
    uint32_t found = 0;
    for (size_t i = 0; i < count; i += 16) {
        const __m512i x = magnitudes(_mm512_loadu_ps(values + i));
        found += static_cast<uint32_t>(_mm_popcnt_u32(_mm512_cmpge_epu32_mask(x, bound)));
    }
    return found;
}

uint32_t threshold_512(const float* values, size_t count, uint32_t k, uint32_t zero_bits) {
    __m512i least = _mm512_set1_epi32(0x7fffffff);
    __m512i most = _mm512_setzero_si512();
    for (size_t i = 0; i < count; i += 16) {
        const __m512i x = magnitudes(_mm512_loadu_ps(values + i));
        least = _mm512_min_epu32(least, x);
        most = _mm512_max_epu32(most, x);
    }
    // All share the bits above the highest in which the least and the greatest differ.
    const uint32_t greatest = _mm512_reduce_max_epu32(most);
    const uint32_t differ = greatest ^ _mm512_reduce_min_epu32(least);
    const uint32_t below =
        differ == 0 ? 0 : 0xffffffffU >> static_cast<uint32_t>(__builtin_clz(differ));
    uint32_t t = greatest & ~below;
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

__mmask32 at_least_16(const float* a, __m512i bound) {
    return _mm512_cmpge_epu32_mask(magnitudes(_mm512_loadu_ps(a)), bound);
}

// Joined as masks: g++ 12 may spill one that is widened as 16 bits and read 64 back.
void bitmap_512(const float* a, uint32_t t, uint64_t* words) {
    const __m512i bound = _mm512_set1_epi32(static_cast<int>(t));
    for (size_t w = 0; w < kChunkBitmapWords; ++w, a += 64) {
        const __mmask32 low = _mm512_kunpackw(at_least_16(a + 16, bound), at_least_16(a, bound));
        const __mmask32 high =
            _mm512_kunpackw(at_least_16(a + 48, bound), at_least_16(a + 32, bound));
        words[w] = _cvtmask64_u64(_mm512_kunpackd(high, low));
    }
}

LowSum low_sum_512(const float* values, size_t count, double split) {
    const __m512d bound = _mm512_set1_pd(split);
    __m512d sum = _mm512_setzero_pd();
    uint32_t low = 0;
    for (size_t i = 0; i < count; i += 8) {
        const size_t left = count - i;
        const auto there = static_cast<__mmask8>(left >= 8 ? 0xffU : (1U << left) - 1);
        const __m512d x = _mm512_cvtps_pd(_mm256_maskz_loadu_ps(there, values + i));
        const __mmask8 below = _mm512_mask_cmp_pd_mask(there, x, bound, _CMP_LT_OQ);
        sum = _mm512_mask_add_pd(sum, below, sum, x);
        low += static_cast<uint32_t>(_mm_popcnt_u32(below));
    }
    return {_mm512_reduce_add_pd(sum), low};
}

// The square of an fp32 is exact in double, so that fma rounds as the sum alone does.
template <size_t kGroups>
void sum_squares_of(const float* values, size_t rows, double* sums) {
    __m512d sum[kGroups];
    for (size_t g = 0; g < kGroups; ++g) {
        sum[g] = _mm512_setzero_pd();
    }
    for (size_t i = 0; i < rows; ++i, values += kShareLanes) {
        for (size_t g = 0; g < kGroups; ++g) {
            const __m512d x = _mm512_cvtps_pd(_mm256_loadu_ps(values + 8 * g));
            sum[g] = _mm512_fmadd_pd(x, x, sum[g]);
        }
    }
    for (size_t g = 0; g < kGroups; ++g) {
        _mm512_storeu_pd(sums + 8 * g, sum[g]);
    }
}

void sum_squares_512(const float* values, size_t rows, size_t lanes, double* sums) {
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

const ChunkOps& chunk_ops_avx512() {
    static constexpr ChunkOps kOps = {
        feedback_512, group_maxima_512, threshold_512, bitmap_512, low_sum_512, sum_squares_512};
    return kOps;
}

}  // namespace assay
