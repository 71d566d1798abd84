#include "llama/stock_ops.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

namespace assay {

namespace {

at::Tensor matrix(const float* values, size_t rows, size_t columns, bool transposed) {
    const at::Tensor stored = at::from_blob(
        const_cast<float*>(values), {static_cast<int64_t>(rows), static_cast<int64_t>(columns)});
    return transposed ? stored.t() : stored;
}

}  // namespace

void set_stock_threads(int threads) {
    at::set_num_threads(threads);
}

void stock_gemm(const GemmShape& shape, const float* a, const float* b, float* c) {
    const c10::InferenceMode no_autograd;
    const bool a_transposed = shape.layout == GemmLayout::kTN;
    const bool b_transposed = shape.layout == GemmLayout::kNT;
    at::Tensor out = matrix(c, shape.m, shape.n, false);
    at::mm_out(
        out,
        a_transposed ? matrix(a, shape.k, shape.m, true) : matrix(a, shape.m, shape.k, false),
        b_transposed ? matrix(b, shape.n, shape.k, true) : matrix(b, shape.k, shape.n, false));
}

}  // namespace assay
