// The operations of ScalarLanes.
#include "kernels/lanes_scalar.h"
#include "tests/kernels/lanes_probe_body.h"

namespace assay {

void probe_scalar(
    LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out) {
    probe<ScalarLanes>(op, a, b, c, count, out);
}

}  // namespace assay
