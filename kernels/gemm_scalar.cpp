// The specification in code: each output is one chain over k, in order, of fused multiply-adds.
#include <cmath>

#include "kernels/gemm_paths.h"

namespace assay {

namespace {

float element_of_b(const GemmPart& part, size_t k, size_t j) {
    if (part.panels != nullptr) {
        const float* panel = part.panels + j / kGemmPanel * part.k * kGemmPanel;
        return panel[k * kGemmPanel + j % kGemmPanel];
    }
    return part.b[j * part.b_column + k * part.b_k];
}

void run_scalar(const GemmPart& part, float* /*scratch*/) {
    for (size_t i = 0; i < part.m; ++i) {
        for (size_t j = 0; j < part.n; ++j) {
            float& c = part.c[i * part.c_row + j];
            float sum = part.accumulate ? c : 0.0F;
            for (size_t k = 0; k < part.k; ++k) {
                sum =
                    std::fma(part.a[i * part.a_row + k * part.a_k], element_of_b(part, k, j), sum);
            }
            c = sum;
        }
    }
}

size_t no_scratch(const GemmPart& /*part*/) {
    return 0;
}

}  // namespace

const GemmPath kGemmScalar = {1, no_scratch, run_scalar};

}  // namespace assay
