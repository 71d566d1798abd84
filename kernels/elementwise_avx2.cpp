// Compiled with -mavx2 -mfma: only intrinsics and plain loops here, nothing inline from elsewhere
// that another file could end up calling on a CPU without AVX2.
#include <immintrin.h>

#include "kernels/feedback_paths.h"

namespace assay {

void feedback_avx2(const FeedbackArrays& arrays, float beta) {
    const __m256 factor = _mm256_set1_ps(beta);
    size_t i = 0;
    for (; i + 8 <= arrays.count; i += 8) {
        const __m256 d = _mm256_sub_ps(_mm256_loadu_ps(arrays.theta_start + i),
                                       _mm256_loadu_ps(arrays.theta_end + i));
        _mm256_storeu_ps(arrays.a + i, _mm256_fmadd_ps(factor, _mm256_loadu_ps(arrays.e + i), d));
    }
    feedback_scalar({arrays.theta_start + i,
                     arrays.theta_end + i,
                     arrays.e + i,
                     arrays.a + i,
                     arrays.count - i},
                    beta);
}

}  // namespace assay
