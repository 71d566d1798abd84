// The same plain C++ compiled for CPUs with a fused multiply-add instruction: without it each one
// is a call into the mathematical library.
#include "kernels/gemm_chains.h"

namespace assay {

namespace {

struct ThisFile {};

}  // namespace

const GemmPath kGemmScalarFma = {1, GemmChains<ThisFile>::no_scratch, GemmChains<ThisFile>::run};

}  // namespace assay
