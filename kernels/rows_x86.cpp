// The rows kernels of x86-64.
#include "core/check.h"
#include "kernels/kernel_path.h"
#include "kernels/rows_paths.h"

namespace assay {

const RowsPath& rows_path(KernelPath path) {
    ASSAY_CHECK(kernel_path_available(path));
    switch (path) {
        case KernelPath::kAvx512:
            return kRowsAvx512;
        case KernelPath::kAvx2:
            return kRowsAvx2;
        default:
            return kRowsScalar;
    }
}

}  // namespace assay
