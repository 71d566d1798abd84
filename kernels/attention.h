// Causal grouped-query attention, forward and backward, without a T x T buffer; and its single
// query for decoding. The same bits on every CPU, path and number of threads.
//
// Rows are tokens of all sequences in order: q, out (B * T, H * W), k, v (B * T, K * W); query head
// h reads key-value head h / (H / K). The order of operations: docs/exact-arithmetic.md.

#pragma once

#include <cstddef>

#include "kernels/thread_pool.h"

namespace assay {

struct AttentionShape {
    size_t sequences = 0;   // B
    size_t tokens = 0;      // T
    size_t heads = 0;       // H
    size_t kv_heads = 0;    // K; divides H
    size_t head_width = 0;  // W; even
};

// What the backward pass needs of the forward one: (B, H, T) each.
struct AttentionStatistics {
    float* row_max = nullptr;  // greatest scaled score of a query
    float* row_sum = nullptr;  // sum of exp(score - row_max)
};

// Writes out and both statistics.
void attention_forward(ThreadPool& pool,
                       const AttentionShape& shape,
                       const float* q,
                       const float* k,
                       const float* v,
                       float* out,
                       const AttentionStatistics& statistics);

// Writes dq (B * T, H * W), dk and dv (B * T, K * W).
void attention_backward(ThreadPool& pool,
                        const AttentionShape& shape,
                        const float* q,
                        const float* k,
                        const float* v,
                        const float* out,
                        const float* d_out,
                        const AttentionStatistics& statistics,
                        float* dq,
                        float* dk,
                        float* dv);

// One query at the last of `length` positions: q, out (H * W), keys and values (length, K * W).
// The same bits as that row of attention_forward. shape.sequences and shape.tokens are not read.
void attention_single(ThreadPool& pool,
                      const AttentionShape& shape,
                      size_t length,
                      const float* q,
                      const float* keys,
                      const float* values,
                      float* out);

}  // namespace assay
