// A build without nvcc.
#include "compression/chunk_device.h"

namespace assay {

bool cuda_compiled() {
    return false;
}

bool cuda_available() {
    return false;
}

Result<std::unique_ptr<ChunkDevice>> open_cuda_device() {
    return fail("this build has no CUDA kernels");
}

}  // namespace assay
