// The paths of x86-64.
#include "core/check.h"
#include "kernels/cpu_features.h"
#include "kernels/gemm_paths.h"

namespace assay {

const GemmPath& gemm_path(KernelPath path) {
    switch (path) {
        case KernelPath::kScalar:
            break;
        case KernelPath::kAvx2:
            return kGemmAvx2;
        case KernelPath::kAvx512:
            return kGemmAvx512;
        case KernelPath::kNeon:
            ASSAY_CHECK(kernel_path_available(path));
    }
    return cpu_has_avx2_and_fma() ? kGemmScalarFma : kGemmScalar;
}

}  // namespace assay
