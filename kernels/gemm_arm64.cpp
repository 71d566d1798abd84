// The paths of arm64.
#include "core/check.h"
#include "kernels/gemm_paths.h"

namespace assay {

const GemmPath& gemm_path(KernelPath path) {
    ASSAY_CHECK(kernel_path_available(path));
    return path == KernelPath::kNeon ? kGemmNeon : kGemmScalar;
}

}  // namespace assay
