#include "kernels/feedback.h"

#include <cmath>

#include "core/check.h"
#include "kernels/feedback_paths.h"
#include "kernels/kernel_path.h"

namespace assay {

void feedback_scalar(const FeedbackArrays& arrays, float beta) {
    for (size_t i = 0; i < arrays.count; ++i) {
        const float d = arrays.theta_start[i] - arrays.theta_end[i];
        arrays.a[i] = std::fma(beta, arrays.e[i], d);
    }
}

void feedback_step(std::span<const float> theta_start,
                   std::span<const float> theta_end,
                   std::span<const float> e,
                   float beta,
                   std::span<float> a) {
    ASSAY_CHECK_EQ(theta_start.size(), theta_end.size());
    ASSAY_CHECK_EQ(theta_start.size(), e.size());
    ASSAY_CHECK_EQ(theta_start.size(), a.size());
    const KernelPath path = kernel_path();
    const bool fast = path == KernelPath::kAvx2 || path == KernelPath::kAvx512;
    const FeedbackArrays arrays{
        theta_start.data(), theta_end.data(), e.data(), a.data(), theta_start.size()};
    fast ? feedback_avx2(arrays, beta) : feedback_scalar(arrays, beta);
}

}  // namespace assay
