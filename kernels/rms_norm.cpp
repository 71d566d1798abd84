#include "kernels/rms_norm.h"

#include "core/check.h"
#include "kernels/kernel_path.h"
#include "kernels/rows_paths.h"

namespace assay {

void rms_norm_forward(ThreadPool& pool,  // NOLINT(readability-function-size)
                      size_t rows,
                      size_t width,
                      const float* x,
                      const float* weight,
                      float epsilon,
                      float* y,
                      float* inverse_rms) {
    ASSAY_CHECK(width > 0);
    ASSAY_CHECK(epsilon >= 0);
    const RowsPath& path = rows_path(kernel_path());
    pool.run_ranges(rows, grain_rows(width), [&](size_t first, size_t last, size_t) {
        path.rms_forward({first, last, width, x, weight, epsilon, y, inverse_rms});
    });
}

void rms_norm_backward(ThreadPool& pool,  // NOLINT(readability-function-size)
                       size_t rows,
                       size_t width,
                       const float* x,
                       const float* weight,
                       const float* inverse_rms,
                       const float* dy,
                       float* dx,
                       float* d_weight) {
    ASSAY_CHECK(width > 0);
    const RowsPath& path = rows_path(kernel_path());
    const RmsBackward args{rows, width, x, weight, inverse_rms, dy, dx, d_weight};
    pool.run_ranges(rows, grain_rows(width), [&](size_t first, size_t last, size_t) {
        path.rms_backward_rows(args, first, last);
    });
    pool.run_ranges(width, grain_columns(rows), [&](size_t first, size_t last, size_t) {
        path.rms_backward_columns(args, first, last);
    });
}

void add_in_place(ThreadPool& pool, size_t count, float* x, const float* y) {
    const RowsPath& path = rows_path(kernel_path());
    pool.run_ranges(count, kGrainValues, [&](size_t first, size_t last, size_t) {
        path.add(last - first, x + first, y + first);
    });
}

}  // namespace assay
