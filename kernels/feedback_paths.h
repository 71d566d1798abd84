// The forms of the feedback step: plain C++ (the truth) and AVX2 with FMA, equal bit for bit.
//
// Only kernels/ and its tests include this; everybody else calls feedback.h, which chooses once by
// asking the CPU. The avx2 forms may only be called where cpu_has_avx2_and_fma() is
// true.

#pragma once

#include <cstddef>

namespace assay {

struct FeedbackArrays {
    const float* theta_start = nullptr;
    const float* theta_end = nullptr;
    const float* e = nullptr;
    float* a = nullptr;
    size_t count = 0;
};

// a = fma(beta, e, theta_start - theta_end), for each value.
void feedback_scalar(const FeedbackArrays& arrays, float beta);
void feedback_avx2(const FeedbackArrays& arrays, float beta);

}  // namespace assay
