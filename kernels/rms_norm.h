// RMSNorm over rows, forward and backward. Sums over features: sixteen lanes, then a fixed tree;
// sums over rows: one chain a column. The order of operations: docs/exact-arithmetic.md.

#pragma once

#include <cstddef>

#include "kernels/thread_pool.h"

namespace assay {

// y = x * r * weight, r = 1 / sqrt(mean(x^2) + epsilon); r of each row is kept in inverse_rms.
void rms_norm_forward(ThreadPool& pool,
                      size_t rows,
                      size_t width,
                      const float* x,
                      const float* weight,
                      float epsilon,
                      float* y,
                      float* inverse_rms);

// dx <- dx + gradient through the norm (the residual stream's gradient is already there);
// d_weight continues its chain over rows from what stands in it.
void rms_norm_backward(ThreadPool& pool,
                       size_t rows,
                       size_t width,
                       const float* x,
                       const float* weight,
                       const float* inverse_rms,
                       const float* dy,
                       float* dx,
                       float* d_weight);

// x <- x + y.
void add_in_place(ThreadPool& pool, size_t count, float* x, const float* y);

}  // namespace assay
