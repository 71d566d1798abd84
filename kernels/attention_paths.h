// What each path's file gives to attention.cpp and rotary.cpp: the work of one thread on one head.
//
// Pointers are to the head's first value in its sequence's first token; rows lie q_row or kv_row
// floats apart. Only kernels/ includes this; everybody else calls attention.h and rotary.h.

#pragma once

#include <cstddef>

#include "kernels/kernel_path.h"

namespace assay {

// The queries [first, last) of one head; first is a multiple of AttentionPath::block.
struct AttentionForwardPart {
    size_t first = 0;
    size_t last = 0;
    size_t width = 0;
    size_t q_row = 0;  // of q and out
    size_t kv_row = 0;
    const float* q = nullptr;
    const float* k = nullptr;
    const float* v = nullptr;
    float* out = nullptr;
    float* row_max = nullptr;  // of the head's first query, as row_sum
    float* row_sum = nullptr;
};

// What the keys [first_key, last_key) and the queries [first, last) of one head give each other.
// The chains of dq, dk and dv go on from what stands there, but start at +0 where there is nothing
// before: those of dq at key 0, those of dk and dv at the key's own query of the group's first
// head.
struct AttentionBackwardPart {
    size_t first = 0;  // a multiple of AttentionPath::block
    size_t last = 0;
    size_t first_key = 0;
    size_t last_key = 0;
    bool first_of_group = false;
    size_t width = 0;
    size_t q_row = 0;  // of q, out, d_out and dq
    size_t kv_row = 0;
    const float* q = nullptr;
    const float* k = nullptr;
    const float* v = nullptr;
    const float* out = nullptr;
    const float* d_out = nullptr;
    const float* row_max = nullptr;
    const float* row_sum = nullptr;
    float* dq = nullptr;
    float* dk = nullptr;
    float* dv = nullptr;
};

// One query of each head of a group; q and out hold the group's heads side by side.
struct AttentionSinglePart {
    size_t length = 0;
    size_t group = 0;
    size_t width = 0;
    size_t kv_row = 0;
    const float* q = nullptr;
    const float* k = nullptr;
    const float* v = nullptr;
    float* out = nullptr;
};

// The rows [first, last) of x.
struct RotatePart {
    size_t first = 0;
    size_t last = 0;
    size_t tokens = 0;
    size_t heads = 0;
    size_t half = 0;
    size_t first_position = 0;
    float sign = 0;  // 1 forward, -1 back
    const float* cos = nullptr;
    const float* sin = nullptr;
    float* x = nullptr;
};

struct AttentionPath {
    size_t block;  // queries side by side; no result depends on it
    // Floats of scratch, aligned to 64 bytes.
    size_t (*forward_scratch)(size_t tokens, size_t width);
    size_t (*backward_scratch)(size_t width);
    size_t (*single_scratch)(size_t length, size_t group, size_t width);
    void (*forward)(const AttentionForwardPart& part, float* scratch);
    void (*backward)(const AttentionBackwardPart& part, float* scratch);
    void (*single)(const AttentionSinglePart& part, float* scratch);
    void (*rotate)(const RotatePart& part);
};

// The path's functions; one definition for each kind of machine (attention_x86.cpp,
// attention_arm64.cpp). REQUIRES: kernel_path_available(path).
const AttentionPath& attention_path(KernelPath path);

// Defined in attention_<path>.cpp; not to be called on a CPU without it.
extern const AttentionPath kAttentionScalar;
extern const AttentionPath kAttentionAvx2;
extern const AttentionPath kAttentionAvx512;
extern const AttentionPath kAttentionNeon;

}  // namespace assay
