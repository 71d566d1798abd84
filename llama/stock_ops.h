// Stock libtorch's operators on raw memory: what the exact kernels are compared with.
//
// Only for `assay bench` and tests. Free of libtorch. The order of operations inside is libtorch's
// own and differs between machines.

#pragma once

#include "kernels/gemm.h"

namespace assay {

// Threads that libtorch's operators use from now on, in the whole process.
void set_stock_threads(int threads);

// at::mm into c: shapes and layouts as in gemm(), without accumulating.
void stock_gemm(const GemmShape& shape, const float* a, const float* b, float* c);

}  // namespace assay
