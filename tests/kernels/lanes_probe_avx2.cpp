// The operations of Avx2Lanes.
#include "kernels/lanes_avx2.h"
#include "tests/kernels/lanes_probe_body.h"

namespace assay {

void probe_avx2(
    LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out) {
    probe<Avx2Lanes>(op, a, b, c, count, out);
}

}  // namespace assay
