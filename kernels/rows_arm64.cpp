// The rows kernels of arm64.
#include "core/check.h"
#include "kernels/kernel_path.h"
#include "kernels/rows_paths.h"

namespace assay {

const RowsPath& rows_path(KernelPath path) {
    ASSAY_CHECK(kernel_path_available(path));
    return path == KernelPath::kNeon ? kRowsNeon : kRowsScalar;
}

}  // namespace assay
