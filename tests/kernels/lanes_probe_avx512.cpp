// The operations of Avx512Lanes.
#include "kernels/lanes_avx512.h"
#include "tests/kernels/lanes_probe_body.h"

namespace assay {

void probe_avx512(
    LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out) {
    probe<Avx512Lanes>(op, a, b, c, count, out);
}

}  // namespace assay
