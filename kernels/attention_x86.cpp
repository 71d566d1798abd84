// The attention kernels of x86-64.
#include "core/check.h"
#include "kernels/attention_paths.h"

namespace assay {

const AttentionPath& attention_path(KernelPath path) {
    ASSAY_CHECK(kernel_path_available(path));
    switch (path) {
        case KernelPath::kAvx512:
            return kAttentionAvx512;
        case KernelPath::kAvx2:
            return kAttentionAvx2;
        default:
            return kAttentionScalar;
    }
}

}  // namespace assay
