// The lanes of x86-64.
#include "core/check.h"
#include "kernels/kernel_path.h"
#include "tests/kernels/lanes_probe.h"

namespace assay {

LanesProbe lanes_probe(KernelPath path) {
    ASSAY_CHECK(kernel_path_available(path));
    switch (path) {
        case KernelPath::kAvx512:
            return probe_avx512;
        case KernelPath::kAvx2:
            return probe_avx2;
        default:
            return probe_scalar;
    }
}

}  // namespace assay
