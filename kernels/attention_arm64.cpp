// The attention kernels of arm64.
#include "core/check.h"
#include "kernels/attention_paths.h"

namespace assay {

const AttentionPath& attention_path(KernelPath path) {
    ASSAY_CHECK(kernel_path_available(path));
    return path == KernelPath::kNeon ? kAttentionNeon : kAttentionScalar;
}

}  // namespace assay
