// Rotary positions (half-split, as in Llama): tables from integer and double arithmetic in a fixed
// order, and the rotation. No libm: the same bits on every machine.

#pragma once

#include <cstddef>
#include <vector>

#include "kernels/thread_pool.h"

namespace assay {

// cos and sin of position * base^(-2i / W), rounded to fp32, (positions, W / 2) each.
struct RotaryTables {
    size_t positions = 0;
    size_t half = 0;
    std::vector<float> cos;
    std::vector<float> sin;
};
// REQUIRES: head_width even, base >= 1.
RotaryTables make_rotary_tables(size_t positions, size_t head_width, double base);

// x (rows, heads * W) in place; row r stands at position first_position + r % tokens. In each head
// the pair (a, b) = (x[i], x[i + W/2]) becomes (fma(-b, sin, a * cos), fma(a, sin, b * cos)).
// REQUIRES: first_position + tokens <= tables.positions.
void rotate(ThreadPool& pool,
            const RotaryTables& tables,
            size_t rows,
            size_t tokens,
            size_t heads,
            size_t first_position,
            float* x);
// The transpose of rotate, for gradients.
void rotate_back(ThreadPool& pool,
                 const RotaryTables& tables,
                 size_t rows,
                 size_t tokens,
                 size_t heads,
                 size_t first_position,
                 float* x);

}  // namespace assay
