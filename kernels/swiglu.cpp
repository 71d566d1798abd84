#include "kernels/swiglu.h"

#include "kernels/kernel_path.h"
#include "kernels/rows_paths.h"

namespace assay {

void swiglu_forward(
    ThreadPool& pool, size_t count, const float* gate, const float* up, float* out) {
    const RowsPath& path = rows_path(kernel_path());
    pool.run_ranges(count, kGrainValues, [&](size_t first, size_t last, size_t) {
        path.swiglu_forward(last - first, gate + first, up + first, out + first);
    });
}

void swiglu_backward(ThreadPool& pool,  // NOLINT(readability-function-size)
                     size_t count,
                     const float* gate,
                     const float* up,
                     const float* d_out,
                     float* d_gate,
                     float* d_up) {
    const RowsPath& path = rows_path(kernel_path());
    const SwigluBackward args{gate, up, d_out, d_gate, d_up};
    pool.run_ranges(count, kGrainValues, [&](size_t first, size_t last, size_t) {
        path.swiglu_backward(args, first, last);
    });
}

}  // namespace assay
