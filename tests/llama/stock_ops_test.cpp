// libtorch's products mean the same as ours: the comparison of speed compares the same work.
#include "llama/stock_ops.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "core/rng.h"

namespace assay {

namespace {

std::vector<float> made(const char* name, size_t count) {
    CounterRng rng(derive_seed(Digest{}, name));
    std::vector<float> values(count);
    for (float& value : values) {
        value = static_cast<float>(rng.unit() - 0.5);
    }
    return values;
}

}  // namespace

TEST_CASE("stock products equal ours within rounding, in all layouts", "[stock_ops]") {
    const size_t m = 37;
    const size_t n = 45;
    const size_t k = 83;
    const std::vector<float> a = made("a", m * k);
    const std::vector<float> b = made("b", n * k);
    ThreadPool pool(1);
    for (const GemmLayout layout : {GemmLayout::kNT, GemmLayout::kNN, GemmLayout::kTN}) {
        std::vector<float> ours(m * n, 1.0F);
        std::vector<float> stock(m * n, 2.0F);
        gemm(pool, {layout, m, n, k}, a.data(), b.data(), ours.data(), false);
        stock_gemm({layout, m, n, k}, a.data(), b.data(), stock.data());
        float largest = 0;
        for (size_t i = 0; i < ours.size(); ++i) {
            largest = std::max(largest, std::fabs(ours[i] - stock[i]));
        }
        CHECK(largest < 1e-5F);
    }
}

}  // namespace assay
