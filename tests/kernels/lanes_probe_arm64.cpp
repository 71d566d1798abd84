// The lanes of arm64.
#include "core/check.h"
#include "kernels/kernel_path.h"
#include "tests/kernels/lanes_probe.h"

namespace assay {

LanesProbe lanes_probe(KernelPath path) {
    ASSAY_CHECK(kernel_path_available(path));
    return path == KernelPath::kNeon ? probe_neon : probe_scalar;
}

}  // namespace assay
