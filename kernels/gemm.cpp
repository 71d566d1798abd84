#include "kernels/gemm.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <memory>

#include "core/check.h"
#include "kernels/gemm_paths.h"

namespace assay {

static_assert(PackedMatrix::kPanelRows == kGemmPanel);

namespace {

constexpr size_t kWorthSharing = size_t{1}
                                 << 20;  // multiply-adds: below, waking a thread costs more

// One thread's room for packed blocks: grows to what the largest product needed, stays.
class Scratch {
public:
    float* of(size_t floats) {
        if (floats > floats_) {
            constexpr size_t kAlignment = 64;
            const size_t bytes =
                (floats * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
            memory_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, bytes)));
            ASSAY_CHECK(memory_ != nullptr);
            floats_ = floats;
        }
        return memory_.get();
    }

private:
    struct Free {
        void operator()(float* memory) const { std::free(memory); }
    };
    std::unique_ptr<float, Free> memory_;
    size_t floats_ = 0;
};

thread_local Scratch thread_scratch;

struct Grid {
    size_t rows = 1;
    size_t columns = 1;
};

size_t parts_of(size_t count, size_t grain, size_t parts) {
    const size_t grains = (count + grain - 1) / grain;
    return (grains + parts - 1) / parts * grain;
}

// How to cut c for the threads: the least work in the largest part, where packing a row or column
// costs as much as about twelve columns of products.
Grid grid_for(const GemmPart& whole, size_t row_grain, int thread_count) {
    const size_t threads = static_cast<size_t>(thread_count);
    if (threads == 1 || whole.m * whole.n * whole.k < kWorthSharing) return {};
    constexpr double kPacking = 12;
    Grid best;
    double least = 0;
    for (size_t rows = 1; rows <= threads; ++rows) {
        const size_t columns = threads / rows;
        const auto m = static_cast<double>(parts_of(whole.m, row_grain, rows));
        const auto n = static_cast<double>(parts_of(whole.n, kGemmPanel, columns));
        const double work = m * n + kPacking * (m + (whole.panels != nullptr ? 0 : n));
        if (rows == 1 || work < least) {
            least = work;
            best = {rows, columns};
        }
    }
    return best;
}

struct Range {
    size_t first;
    size_t last;
};

Range range_of(size_t count, size_t grain, size_t part, size_t parts) {
    const size_t grains = (count + grain - 1) / grain;
    return {std::min(grains * part / parts * grain, count),
            std::min(grains * (part + 1) / parts * grain, count)};
}

GemmPart cut(const GemmPart& whole, Range rows, Range columns) {
    GemmPart part = whole;
    part.m = rows.last - rows.first;
    part.n = columns.last - columns.first;
    part.a += rows.first * whole.a_row;
    part.c += rows.first * whole.c_row + columns.first;
    if (whole.panels != nullptr) {
        part.panels += columns.first * whole.k;
    } else {
        part.b += columns.first * whole.b_column;
    }
    return part;
}

// Whether two arrays have no value in common.
bool apart(const float* a, size_t a_count, const float* b, size_t b_count) {
    const std::less_equal<const float*> not_behind;
    return a_count == 0 || b_count == 0 || not_behind(a + a_count, b) || not_behind(b + b_count, a);
}

void run_shared(ThreadPool& pool, const GemmPart& whole) {
    if (whole.m == 0 || whole.n == 0) return;
    ASSAY_CHECK(apart(whole.c, whole.m * whole.n, whole.a, whole.m * whole.k));
    ASSAY_CHECK(whole.panels != nullptr ||
                apart(whole.c, whole.m * whole.n, whole.b, whole.n * whole.k));
    const GemmPath& path = gemm_path(kernel_path());
    const Grid grid = grid_for(whole, path.rows, pool.threads());
    pool.run(grid.rows * grid.columns, [&](size_t index, size_t /*thread*/) {
        const GemmPart part =
            cut(whole,
                range_of(whole.m, path.rows, index / grid.columns, grid.rows),
                range_of(whole.n, kGemmPanel, index % grid.columns, grid.columns));
        if (part.m > 0 && part.n > 0) {
            path.run(part, thread_scratch.of(path.scratch(part)));
        }
    });
}

}  // namespace

void gemm(ThreadPool& pool,
          const GemmShape& shape,
          const float* a,
          const float* b,
          float* c,
          bool accumulate) {
    const bool a_transposed = shape.layout == GemmLayout::kTN;
    const bool b_transposed = shape.layout == GemmLayout::kNT;
    GemmPart whole;
    whole.a = a;
    whole.a_row = a_transposed ? 1 : shape.k;
    whole.a_k = a_transposed ? shape.m : 1;
    whole.b = b;
    whole.b_column = b_transposed ? shape.k : 1;
    whole.b_k = b_transposed ? 1 : shape.n;
    whole.c = c;
    whole.c_row = shape.n;
    whole.m = shape.m;
    whole.n = shape.n;
    whole.k = shape.k;
    whole.accumulate = accumulate;
    run_shared(pool, whole);
}

PackedMatrix::PackedMatrix(const float* weights, size_t n, size_t k)
    : n_(n), k_(k), panels_((n + kPanelRows - 1) / kPanelRows * kPanelRows * k, 0.0F) {
    for (size_t row = 0; row < n; ++row) {
        const size_t first = row / kPanelRows * kPanelRows * k + row % kPanelRows;
        for (size_t i = 0; i < k; ++i) {
            panels_[first + i * kPanelRows] = weights[row * k + i];
        }
    }
}

const float* PackedMatrix::panel(size_t index) const {
    ASSAY_CHECK_LE(index * kPanelRows, n_);
    return panels_.data() + index * kPanelRows * k_;
}

void PackedMatrix::copy_row(size_t row, float* to) const {
    ASSAY_CHECK(row < n_);
    const float* from = panel(row / kPanelRows) + row % kPanelRows;
    for (size_t i = 0; i < k_; ++i) {
        to[i] = from[i * kPanelRows];
    }
}

void packed_gemm(ThreadPool& pool, size_t m, const float* a, const PackedMatrix& w, float* c) {
    GemmPart whole;
    whole.a = a;
    whole.a_row = w.k();
    whole.a_k = 1;
    whole.panels = w.panel(0);
    whole.c = c;
    whole.c_row = w.n();
    whole.m = m;
    whole.n = w.n();
    whole.k = w.k();
    run_shared(pool, whole);
}

}  // namespace assay
