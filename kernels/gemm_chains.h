// The specification in code: each output is one chain over k, in order, of fused multiply-adds.
//
// A template over the file that instantiates it, so that what is compiled for fused multiply-add
// instructions is called from nowhere else. Eight outputs go side by side: their chains do not wait
// for one another, and each is still its own. Only kernels/gemm_scalar*.cpp include this.

#pragma once

#include <cstddef>

#include "kernels/gemm_paths.h"

namespace assay {

template <class File>
struct GemmChains {
    static constexpr size_t kSide = 8;

    // b(k, j), wherever it lies: in panels or with strides.
    static float element_of_b(const GemmPart& part, size_t k, size_t j) {
        if (part.panels != nullptr) {
            const float* panel = part.panels + j / kGemmPanel * part.k * kGemmPanel;
            return panel[k * kGemmPanel + j % kGemmPanel];
        }
        return part.b[j * part.b_column + k * part.b_k];
    }

    // Outputs (i, j) .. (i, j + kCount - 1).
    template <size_t kCount>
    static void chains(const GemmPart& part, size_t i, size_t j) {
        float* c = part.c + i * part.c_row + j;
        float sums[kCount];
        for (size_t side = 0; side < kCount; ++side) {
            sums[side] = part.accumulate ? c[side] : 0.0F;
        }
        for (size_t k = 0; k < part.k; ++k) {
            const float a = part.a[i * part.a_row + k * part.a_k];
            for (size_t side = 0; side < kCount; ++side) {
                sums[side] = __builtin_fmaf(a, element_of_b(part, k, j + side), sums[side]);
            }
        }
        for (size_t side = 0; side < kCount; ++side) {
            c[side] = sums[side];
        }
    }

    static void run(const GemmPart& part, float* /*scratch*/) {
        for (size_t i = 0; i < part.m; ++i) {
            size_t j = 0;
            for (; j + kSide <= part.n; j += kSide) {
                chains<kSide>(part, i, j);
            }
            for (; j < part.n; ++j) {
                chains<1>(part, i, j);
            }
        }
    }

    static size_t no_scratch(const GemmPart& /*part*/) { return 0; }
};

}  // namespace assay
