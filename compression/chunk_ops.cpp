#include "compression/chunk_ops.h"

namespace assay {

const ChunkOps* chunk_ops(KernelPath path) {
    switch (path) {
        case KernelPath::kAvx2:
            return &chunk_ops_avx2();
        case KernelPath::kAvx512:
            return &chunk_ops_avx512();
        case KernelPath::kScalar:
        case KernelPath::kNeon:
            break;
    }
    return nullptr;
}

}  // namespace assay
