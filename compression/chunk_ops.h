// What the fast forms of the compressor do with vector registers, one table a CPU path.
//
// Each function has one exact answer, so every path gives the same bits. Only chunk_coder.cpp,
// chunk_shares.cpp and tests use this. The tables of a path may only be called where the CPU has
// it; the files chunk_ops_avx2.cpp and chunk_ops_avx512.cpp hold intrinsics and plain loops,
// nothing inline from elsewhere that another file could end up calling.

#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_path.h"

namespace assay {

constexpr size_t kChunkGroups = 256;      // groups of 16 values whose greatest magnitude is kept
constexpr size_t kChunkBitmapWords = 64;  // 4096 bits
constexpr size_t kShareLanes = 32;        // rows of squares are summed side by side

struct FeedbackIn {
    const float* theta_start = nullptr;  // 4096 values each
    const float* theta_end = nullptr;
    const float* e = nullptr;
    float beta = 0;
};

struct LowSum {
    double sum = 0;
    uint32_t count = 0;
};

struct ChunkOps {
    // a = fma(beta, e, theta_start - theta_end) for all 4096 values. groups[i] gets the greatest
    // 31-bit magnitude of sixteen of them, each value being in one group; returns the greatest.
    uint32_t (*feedback)(const FeedbackIn& in, float* a, float* groups);
    // The greatest magnitudes of 4096 values of `a` that are there already.
    uint32_t (*group_maxima)(const float* a, float* groups);
    // The largest t whose low `zero_bits` bits are 0 with at least k of the magnitudes >= t, but
    // any t with exactly k of them will do. REQUIRES: count is a multiple of 16, 0 < k <= count.
    uint32_t (*threshold)(const float* values, size_t count, uint32_t k, uint32_t zero_bits);
    // Bit i says whether the magnitude of a[i] is >= t, for 4096 values.
    void (*bitmap)(const float* a, uint32_t t, uint64_t* words);
    // Sum in double of those of `count` values that are below split, in any order.
    LowSum (*low_sum)(const float* values, size_t count, double split);
    // sums[lane] = values[0][lane]^2 + values[1][lane]^2 + .. in double, in this order, for the
    // first `lanes` of the kShareLanes lanes of each row; sums has room for all.
    void (*sum_squares)(const float* values, size_t rows, size_t lanes, double* sums);
};

// The table of a path; null for paths without one, which run the truth.
const ChunkOps* chunk_ops(KernelPath path);
const ChunkOps& chunk_ops_avx2();
const ChunkOps& chunk_ops_avx512();

}  // namespace assay
