// Matrix products in fp32 with one order of operations: the same bits on every CPU, path and
// number of threads.
//
// Each output is one unbroken chain over k: c <- fma(a[0], b[0], c0), then k = 1, 2, .. in order,
// c0 = +0 or, to accumulate, what stands in c. Vectorised over outputs, never over k. All matrices
// are row-major. Reference: docs/exact-arithmetic.md.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/thread_pool.h"

namespace assay {

enum class GemmLayout : uint8_t {
    kNT,  // c (m, n) = a (m, k) b (n, k)^T: y = x W^T
    kNN,  // c (m, n) = a (m, k) b (k, n):   dX = dY W
    kTN,  // c (m, n) = a (k, m)^T b (k, n): dW = dY^T X
};

struct GemmShape {
    GemmLayout layout = GemmLayout::kNT;
    size_t m = 0;
    size_t n = 0;
    size_t k = 0;
};

// c does not overlap a or b. A zero k leaves c as it is or, not accumulating, sets it to +0.
void gemm(ThreadPool& pool,
          const GemmShape& shape,
          const float* a,
          const float* b,
          float* c,
          bool accumulate);

// A matrix of weights (n, k) laid out for products with few rows, as decoding has them: panels of
// kPanelRows rows of the matrix, k-major inside a panel, the last one filled up with +0.
class PackedMatrix {
public:
    static constexpr size_t kPanelRows = 32;

    PackedMatrix() = default;
    PackedMatrix(const float* weights, size_t n, size_t k);

    [[nodiscard]] size_t n() const { return n_; }
    [[nodiscard]] size_t k() const { return k_; }
    // kPanelRows rows of the matrix, one value of each after the other; zeros fill the last panel.
    [[nodiscard]] const float* panel(size_t index) const;
    // Row `row` of the matrix, k values: of an embedding.
    void copy_row(size_t row, float* to) const;

private:
    size_t n_ = 0;
    size_t k_ = 0;
    std::vector<float> panels_;
};

// c (m, n) = a (m, k) w^T: the same chains, so the same bits, as gemm's kNT, for any m.
void packed_gemm(ThreadPool& pool, size_t m, const float* a, const PackedMatrix& w, float* c);

}  // namespace assay
