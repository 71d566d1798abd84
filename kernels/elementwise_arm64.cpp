// Where there is no AVX2: the scalar truth is all there is.
#include "core/check.h"
#include "kernels/cpu_features.h"
#include "kernels/feedback_paths.h"

namespace assay {

void feedback_avx2(const FeedbackArrays&, float) {
    ASSAY_CHECK(cpu_has_avx2_and_fma());
}

}  // namespace assay
