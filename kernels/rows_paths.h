// What each path's file gives to rms_norm.cpp, swiglu.cpp, embedding.cpp, cross_entropy.cpp,
// adamw.cpp and norm.cpp: the work of one thread on its rows, columns or values.
//
// All pointers are to the whole arrays; first and last say which part. Arguments go by value, so
// that they stay in registers while vectors are stored. Only kernels/ and its tests include this;
// everybody else calls the headers named above.

#pragma once

#include <cstddef>
#include <cstdint>

namespace assay {

enum class KernelPath : int;
struct AdamScalars;

struct RmsForward {
    size_t first_row = 0;
    size_t last_row = 0;
    size_t width = 0;
    const float* x = nullptr;
    const float* weight = nullptr;
    float epsilon = 0;
    float* y = nullptr;
    float* inverse_rms = nullptr;
};

struct RmsBackward {
    size_t rows = 0;
    size_t width = 0;
    const float* x = nullptr;
    const float* weight = nullptr;
    const float* inverse_rms = nullptr;
    const float* dy = nullptr;
    float* dx = nullptr;
    float* d_weight = nullptr;
};

struct SwigluBackward {
    const float* gate = nullptr;
    const float* up = nullptr;
    const float* d_out = nullptr;
    float* d_gate = nullptr;
    float* d_up = nullptr;
};

struct AdamArrays {
    float* theta = nullptr;
    float* m = nullptr;
    float* v = nullptr;
    const float* g = nullptr;
    size_t count = 0;
};

// sums[t] of the 4096 values from values + 4096 t on.
using TileSquares = void (*)(const float* values, size_t tiles, double* sums);

struct RowsPath {
    void (*rms_forward)(RmsForward args);
    // dx of rows [first, last); d_weight of columns [first, last).
    void (*rms_backward_rows)(RmsBackward args, size_t first, size_t last);
    void (*rms_backward_columns)(RmsBackward args, size_t first, size_t last);
    void (*add)(size_t count, float* x, const float* y);
    void (*scale)(size_t count, float* x, float factor);
    void (*swiglu_forward)(size_t count, const float* gate, const float* up, float* out);
    void (*swiglu_backward)(SwigluBackward args, size_t first, size_t last);
    // One row: the loss; the second form leaves the gradient in the row.
    float (*cross_entropy_loss)(const float* row, size_t vocab, int32_t target);
    float (*cross_entropy_backward)(float* row, size_t vocab, int32_t target, float scale);
    bool (*adamw)(AdamArrays arrays, const AdamScalars& scalars);
    TileSquares tile_squares;
};

// The path's functions; one definition for each kind of machine (rows_x86.cpp, rows_arm64.cpp).
// REQUIRES: kernel_path_available(path).
const RowsPath& rows_path(KernelPath path);

// Defined in rows_<path>.cpp; not to be called on a CPU without it.
extern const RowsPath kRowsScalar;
extern const RowsPath kRowsAvx2;
extern const RowsPath kRowsAvx512;
extern const RowsPath kRowsNeon;

// A thread takes at least about so many values: waking it for fewer costs more than they do.
inline constexpr size_t kGrainValues = 16384;
constexpr size_t grain_rows(size_t width) {
    return kGrainValues / (width + 1) + 1;
}
// A multiple of sixteen, so that no two threads write to one cache line.
constexpr size_t grain_columns(size_t rows) {
    return (kGrainValues / 16 / (rows + 1) + 1) * 16;
}

}  // namespace assay
