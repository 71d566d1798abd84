// Compiled with -mavx2 -mfma: only intrinsics and plain loops here, nothing inline from elsewhere
// that another file could end up calling on a CPU without AVX2.
#include <immintrin.h>

#include "kernels/paths.h"

namespace assay {

void adamw_avx2(const AdamArrays& arrays, const AdamScalars& s) {
    const __m256 beta1 = _mm256_set1_ps(s.beta1);
    const __m256 rest1 = _mm256_set1_ps(s.one_minus_beta1);
    const __m256 beta2 = _mm256_set1_ps(s.beta2);
    const __m256 rest2 = _mm256_set1_ps(s.one_minus_beta2);
    const __m256 epsilon = _mm256_set1_ps(s.epsilon);
    const __m256 bias2 = _mm256_set1_ps(s.bias2);
    const __m256 rate = _mm256_set1_ps(-s.rate);
    const __m256 decay = _mm256_set1_ps(-s.decay);
    size_t i = 0;
    for (; i + 8 <= arrays.count; i += 8) {
        const __m256 x = _mm256_loadu_ps(arrays.g + i);
        const __m256 theta = _mm256_loadu_ps(arrays.theta + i);
        const __m256 m =
            _mm256_fmadd_ps(beta1, _mm256_loadu_ps(arrays.m + i), _mm256_mul_ps(rest1, x));
        const __m256 v = _mm256_fmadd_ps(
            beta2, _mm256_loadu_ps(arrays.v + i), _mm256_mul_ps(rest2, _mm256_mul_ps(x, x)));
        const __m256 root = _mm256_sqrt_ps(_mm256_mul_ps(v, bias2));
        const __m256 quotient = _mm256_div_ps(m, _mm256_add_ps(root, epsilon));
        const __m256 shrunk = _mm256_fmadd_ps(decay, theta, theta);
        _mm256_storeu_ps(arrays.m + i, m);
        _mm256_storeu_ps(arrays.v + i, v);
        _mm256_storeu_ps(arrays.theta + i, _mm256_fmadd_ps(rate, quotient, shrunk));
    }
    adamw_scalar({arrays.theta + i, arrays.m + i, arrays.v + i, arrays.g + i, arrays.count - i}, s);
}

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
