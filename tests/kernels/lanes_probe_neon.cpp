// The operations of NeonLanes.
#include "kernels/lanes_neon.h"
#include "tests/kernels/lanes_probe_body.h"

namespace assay {

void probe_neon(
    LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out) {
    probe<NeonLanes>(op, a, b, c, count, out);
}

}  // namespace assay
