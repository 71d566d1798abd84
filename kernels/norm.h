// The norm of a gradient in one order of summation, and clipping by it. Stateless; any thread.

#pragma once

#include <span>

#include "kernels/thread_pool.h"

namespace assay {

// Sum of squares: in double, in index order within each tile of 4096 values, tiles added in order.
// Not finite exactly if a value is not finite (the sum of finite fp32 squares cannot overflow).
double squared_norm(std::span<const float> values);
double squared_norm(ThreadPool& pool, std::span<const float> values);

// 1 if the norm is at most `clip` or `clip` is 0, else fl32(clip / sqrt(squared_norm)).
float clip_scale(double squared_norm, float clip);

// values <- fl(values * scale).
void scale_in_place(std::span<float> values, float scale);
void scale_in_place(ThreadPool& pool, std::span<float> values, float scale);

}  // namespace assay
