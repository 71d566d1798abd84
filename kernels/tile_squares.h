// Sums of squares of whole tiles of 4096 values: in each tile one chain in double, in index order.
//
// A chain cannot be split, so several tiles go side by side. The square of an fp32 value is exact
// in double: only the additions round, and fused or not they give the same bits. Only kernels/
// includes this; everybody else calls norm.h.

#pragma once

#include <cstddef>

namespace assay {

// sums[t] of the 4096 values from values + 4096 t on. All forms give the same bits; avx2 and avx512
// may only be called on a CPU that has them.
void tile_squares_scalar(const float* values, size_t tiles, double* sums);
void tile_squares_avx2(const float* values, size_t tiles, double* sums);
void tile_squares_avx512(const float* values, size_t tiles, double* sums);

}  // namespace assay
