// Where there is neither AVX2 nor AVX-512: the scalar truth is all there is.
#include "compression/chunk_ops.h"
#include "core/check.h"

namespace assay {

const ChunkOps& chunk_ops_avx2() {
    ASSAY_CHECK_MSG(false, "no AVX2 on this machine");
}

const ChunkOps& chunk_ops_avx512() {
    ASSAY_CHECK_MSG(false, "no AVX-512 on this machine");
}

}  // namespace assay
