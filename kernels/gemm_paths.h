// What each path's file gives to gemm.cpp: one function that computes a part of a product.
//
// A part is a rectangle of the output with all of k, so parts may run on any thread, in any order.
// Only kernels/ includes this; everybody else calls gemm.h.

#pragma once

#include <cstddef>

#include "kernels/kernel_path.h"

namespace assay {

// Columns of b that stand side by side in a panel, packed or to be packed: PackedMatrix has as
// many.
inline constexpr size_t kGemmPanel = 32;

struct GemmPart {
    // a(i, k) = a[i * a_row + k * a_k], one of the steps is 1.
    const float* a = nullptr;
    size_t a_row = 0;
    size_t a_k = 0;
    // b(k, j) = b[j * b_column + k * b_k], one of the steps is 1; or, where panels is set,
    // panels[j / kGemmPanel * k * kGemmPanel + k * kGemmPanel + j % kGemmPanel].
    const float* b = nullptr;
    size_t b_column = 0;
    size_t b_k = 0;
    const float* panels = nullptr;
    // c(i, j) = c[i * c_row + j]
    float* c = nullptr;
    size_t c_row = 0;
    size_t m = 0;
    size_t n = 0;
    size_t k = 0;
    bool accumulate = false;
};

struct GemmPath {
    size_t rows;  // parts are cut between multiples of so many rows
    // Floats that `run` needs as scratch, aligned to 64 bytes.
    size_t (*scratch)(const GemmPart& part);
    void (*run)(const GemmPart& part, float* scratch);
};

// The path's functions; one definition for each kind of machine (gemm_x86.cpp, gemm_arm64.cpp).
// REQUIRES: kernel_path_available(path).
const GemmPath& gemm_path(KernelPath path);

// Defined in gemm_<path>.cpp; not to be called on a CPU without it.
extern const GemmPath kGemmScalar;
extern const GemmPath kGemmScalarFma;  // x86-64 with FMA
extern const GemmPath kGemmAvx2;
extern const GemmPath kGemmAvx512;
extern const GemmPath kGemmNeon;

}  // namespace assay
