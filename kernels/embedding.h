// Rows of a table by token, and the gradient added back in the order of the tokens.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/thread_pool.h"

namespace assay {

// out[i] = table[tokens[i]], rows of `width`. REQUIRES: 0 <= token < rows of the table.
void embedding_forward(ThreadPool& pool,
                       std::span<const int32_t> tokens,
                       size_t width,
                       const float* table,
                       float* out);

// d_table[tokens[i]] <- d_table[tokens[i]] + d_out[i], i = 0, 1, .. in order for each element.
void embedding_backward(ThreadPool& pool,
                        std::span<const int32_t> tokens,
                        size_t width,
                        const float* d_out,
                        float* d_table);

}  // namespace assay
