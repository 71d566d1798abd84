// The forms of each elementwise kernel: plain C++ (the truth) and AVX2 with FMA, equal bit for bit.
//
// Only kernels/ and its tests include this; everybody else calls adamw.h and feedback.h, which
// choose once by asking the CPU. The avx2 forms may only be called where cpu_has_avx2_and_fma() is
// true.

#pragma once

#include <cstddef>

#include "kernels/adamw.h"

namespace assay {

struct AdamArrays {
    float* theta = nullptr;
    float* m = nullptr;
    float* v = nullptr;
    const float* g = nullptr;
    size_t count = 0;
};

struct FeedbackArrays {
    const float* theta_start = nullptr;
    const float* theta_end = nullptr;
    const float* e = nullptr;
    float* a = nullptr;
    size_t count = 0;
};

void adamw_scalar(const AdamArrays& arrays, const AdamScalars& s);
void adamw_avx2(const AdamArrays& arrays, const AdamScalars& s);

void feedback_scalar(const FeedbackArrays& arrays, float beta);
void feedback_avx2(const FeedbackArrays& arrays, float beta);

}  // namespace assay
