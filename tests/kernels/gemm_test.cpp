// Matrix products of every path, bit for bit against one plain loop of std::fma.
#include "kernels/gemm.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/gemm_paths.h"
#include "tests/kernels/exact_inputs.h"

namespace assay {

namespace {

constexpr std::array kLayouts = {GemmLayout::kNT, GemmLayout::kNN, GemmLayout::kTN};

struct Matrices {
    std::vector<float> a;
    std::vector<float> b;
    std::vector<float> c;
};

Matrices made(const GemmShape& shape, Inputs inputs) {
    const uint64_t seed = shape.m * 1000003 + shape.n * 1009 + shape.k;
    return {exact_inputs(seed, shape.m * shape.k, inputs),
            exact_inputs(seed + 1, shape.k * shape.n, inputs),
            exact_inputs(seed + 2, shape.m * shape.n, inputs)};
}

// The rule itself, without anything of kernels/.
std::vector<float> plain_product(const GemmShape& shape, const Matrices& of, bool accumulate) {
    std::vector<float> c = of.c;
    for (size_t i = 0; i < shape.m; ++i) {
        for (size_t j = 0; j < shape.n; ++j) {
            float sum = accumulate ? c[i * shape.n + j] : 0.0F;
            for (size_t k = 0; k < shape.k; ++k) {
                const bool a_transposed = shape.layout == GemmLayout::kTN;
                const bool b_transposed = shape.layout == GemmLayout::kNT;
                const float a = of.a[a_transposed ? k * shape.m + i : i * shape.k + k];
                const float b = of.b[b_transposed ? j * shape.k + k : k * shape.n + j];
                sum = std::fma(a, b, sum);
            }
            c[i * shape.n + j] = sum;
        }
    }
    return c;
}

std::string described(const GemmShape& shape) {
    return "layout " + std::to_string(static_cast<int>(shape.layout)) + ", m " +
           std::to_string(shape.m) + ", n " + std::to_string(shape.n) + ", k " +
           std::to_string(shape.k);
}

// Each path with each pool, with and without accumulating.
void check_shape(const GemmShape& shape, Inputs inputs, std::initializer_list<int> thread_counts) {
    const Matrices of = made(shape, inputs);
    for (const bool accumulate : {false, true}) {
        const std::vector<float> expected = plain_product(shape, of, accumulate);
        for (const KernelPath path : available_kernel_paths()) {
            const ForcedKernelPath forced(path);
            for (const int threads : thread_counts) {
                INFO(kernel_path_name(path) << ", " << described(shape) << ", " << threads
                                            << " threads, accumulate " << accumulate);
                ThreadPool pool(threads);
                std::vector<float> c = of.c;
                gemm(pool, shape, of.a.data(), of.b.data(), c.data(), accumulate);
                require_same(c, expected);
            }
        }
    }
}

void check_layouts(
    size_t m, size_t n, size_t k, Inputs inputs, std::initializer_list<int> threads) {
    for (const GemmLayout layout : kLayouts) {
        check_shape({layout, m, n, k}, inputs, threads);
    }
}

}  // namespace

TEST_CASE("products around the edges of a tile are one chain per output", "[gemm]") {
    for (const size_t m : std::initializer_list<size_t>{1, 2, 5, 6, 7, 8, 13, 14, 15, 28, 29}) {
        for (const size_t n : std::initializer_list<size_t>{1, 2, 8, 15, 16, 17, 31, 32, 33, 65}) {
            check_layouts(m, n, 19, Inputs::kWide, {1});
        }
    }
}

TEST_CASE("products around the edges of blocks of rows and columns", "[gemm]") {
    for (const size_t m : std::initializer_list<size_t>{95, 96, 97, 111, 112, 113, 168, 337}) {
        check_layouts(m, 33, 18, Inputs::kWide, {1});
    }
    for (const size_t n : std::initializer_list<size_t>{1023, 1024, 1025, 2049, 4100}) {
        check_layouts(3, n, 5, Inputs::kWide, {1});
    }
}

TEST_CASE("chains go on over blocks of k", "[gemm]") {
    for (const size_t k : std::initializer_list<size_t>{
             0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 255, 257, 511, 512, 513}) {
        check_layouts(7, 34, k, Inputs::kWide, {1});
    }
    for (const size_t k : std::initializer_list<size_t>{1023, 1024, 1025, 2047, 2049, 3000}) {
        check_layouts(15, 34, k, Inputs::kPlain, {1});
    }
}

TEST_CASE("the number of threads does not show", "[gemm]") {
    check_layouts(131, 97, 90, Inputs::kPlain, {1, 2, 3, 7});
    check_layouts(13, 400, 257, Inputs::kPlain, {1, 2, 3, 5});
    check_layouts(150, 40, 1100, Inputs::kPlain, {2});
}

TEST_CASE("denormals, zeros of both signs, overflow and NaN follow the chain", "[gemm]") {
    for (const Inputs inputs : {Inputs::kHostile, Inputs::kBits}) {
        check_layouts(17, 35, 21, inputs, {1});
        check_layouts(29, 67, 1030, inputs, {1});
    }
}

TEST_CASE("hostile values around the edges of blocks, also on two threads", "[gemm]") {
    for (const size_t m : std::initializer_list<size_t>{95, 96, 97, 111, 112, 113}) {
        check_layouts(m, 33, 18, Inputs::kHostile, {1, 2});
    }
    for (const size_t n : std::initializer_list<size_t>{1023, 1024, 1025}) {
        check_layouts(7, n, 9, Inputs::kHostile, {1, 2});
    }
    for (const size_t k : std::initializer_list<size_t>{2047, 2049, 3000}) {
        check_layouts(7, 18, k, Inputs::kSparse, {1, 2});
    }
    check_shape({GemmLayout::kNT, 97, 3, 2049}, Inputs::kSparse, {1, 2});
    check_shape({GemmLayout::kTN, 113, 3, 2047}, Inputs::kSparse, {1, 2});
    check_shape({GemmLayout::kNN, 1, 1025, 1025}, Inputs::kSparse, {1, 2});
}

TEST_CASE("single values come out as IEEE 754 has them", "[gemm]") {
    const float infinity = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    struct Case {
        float a;
        float b;
        float c;
        bool accumulate;
        float expected;
    };
    const Case cases[] = {
        {-1.0F, 0.0F, 5.0F, false, 0.0F},       // -0 + +0 = +0, and c is not read
        {-1.0F, 0.0F, -0.0F, true, -0.0F},      // -0 + -0
        {1e-30F, 1e-15F, 0.0F, false, 1e-45F},  // a denormal, the least
        {-1e-30F, 1e-30F, 0.0F, false, -0.0F},  // underflows, keeps its sign
        {1e-30F, 1e-30F, 1.0F, true, 1.0F},     // lost
        {3e38F, 2.0F, 0.0F, false, infinity},   // overflow
        {3e38F, 2.0F, -3e38F, true, 3e38F},     // not rounded before the sum
        {nan, 1.0F, nan, false, nan},           // in, out
        {1.0F, 1.0F, nan, false, 1.0F},         // c is not read
        {infinity, 0.0F, 1.0F, true, nan},
    };
    for (const KernelPath path : available_kernel_paths()) {
        const ForcedKernelPath forced(path);
        ThreadPool pool(1);
        for (const Case& value : cases) {
            for (const GemmLayout layout : kLayouts) {
                float c = value.c;
                gemm(pool, {layout, 1, 1, 1}, &value.a, &value.b, &c, value.accumulate);
                INFO(kernel_path_name(path) << ": " << value.a << " " << value.b << " " << c);
                CHECK(same_value(c, value.expected));
            }
        }
    }
}

TEST_CASE("products are close to those in double precision", "[gemm][double]") {
    const GemmShape shape{GemmLayout::kNT, 20, 33, 2048};
    const Matrices of = made(shape, Inputs::kPlain);
    ThreadPool pool(1);
    std::vector<float> c(shape.m * shape.n);
    gemm(pool, shape, of.a.data(), of.b.data(), c.data(), false);
    double worst = 0;
    for (size_t i = 0; i < shape.m; ++i) {
        for (size_t j = 0; j < shape.n; ++j) {
            double sum = 0;
            double sizes = 0;
            for (size_t k = 0; k < shape.k; ++k) {
                const double product = static_cast<double>(of.a[i * shape.k + k]) *
                                       static_cast<double>(of.b[j * shape.k + k]);
                sum += product;
                sizes += std::abs(product);
            }
            const auto value = static_cast<double>(c[i * shape.n + j]);
            worst = std::max(worst, std::abs(value - sum) / sizes);
        }
    }
    INFO("worst error, relative to the sum of sizes: " << worst);
    CHECK(worst < 3e-7);
    CHECK(worst > 0);
}

TEST_CASE("packed blocks take no more than the documented memory", "[gemm]") {
    constexpr size_t kMost = (112 + 1024) * 1024 + 32;
    for (const KernelPath path : available_kernel_paths()) {
        size_t largest = 0;
        for (const size_t m : std::initializer_list<size_t>{1, 96, 97, 112, 113, 8192}) {
            for (const size_t n : std::initializer_list<size_t>{1, 1023, 1024, 1025, 8192}) {
                for (const size_t k : std::initializer_list<size_t>{1, 1024, 1025, 8192}) {
                    GemmPart part;
                    part.m = m;
                    part.n = n;
                    part.k = k;
                    largest = std::max(largest, gemm_path(path).scratch(part));
                }
            }
        }
        INFO(kernel_path_name(path));
        CHECK(largest <= kMost);
        CHECK((path == KernelPath::kScalar ? largest == 0 : largest > size_t{1024} * 1024));
    }
}

TEST_CASE("packed weights give the bits of the product", "[gemm]") {
    for (const size_t n : std::initializer_list<size_t>{1, 33, 64, 129, 300}) {
        for (const size_t k : std::initializer_list<size_t>{1, 48, 1030}) {
            const std::vector<float> weights = exact_inputs(n + k, n * k, Inputs::kWide);
            const PackedMatrix packed(weights.data(), n, k);
            for (size_t m = 1; m <= 40; m += (n == 33 && k == 48) ? 1 : 19) {
                const GemmShape shape{GemmLayout::kNT, m, n, k};
                const Matrices of{exact_inputs(m, m * k, Inputs::kWide), weights, {}};
                std::vector<float> expected(m * n);
                {
                    const ForcedKernelPath forced(KernelPath::kScalar);
                    ThreadPool pool(1);
                    gemm(pool, shape, of.a.data(), weights.data(), expected.data(), false);
                }
                for (const KernelPath path : available_kernel_paths()) {
                    const ForcedKernelPath forced(path);
                    INFO(kernel_path_name(path) << ", " << described(shape));
                    ThreadPool pool(m % 3 == 0 ? 2 : 1);
                    std::vector<float> c(m * n, -1.0F);
                    packed_gemm(pool, m, of.a.data(), packed, c.data());
                    require_same(c, expected);
                }
            }
        }
    }
}

TEST_CASE("packed weights follow the chain with hostile values", "[gemm]") {
    for (const Inputs inputs : {Inputs::kSparse, Inputs::kHostile, Inputs::kBits}) {
        for (const size_t k : std::initializer_list<size_t>{0, 1, 9, 1023, 1024, 1025, 3000}) {
            for (const size_t m : std::initializer_list<size_t>{1, 2, 7, 15}) {
                const GemmShape shape{GemmLayout::kNT, m, 33, k};
                const Matrices of = made(shape, inputs);
                const std::vector<float> expected = plain_product(shape, of, false);
                const PackedMatrix packed(of.b.data(), shape.n, k);
                for (const KernelPath path : available_kernel_paths()) {
                    const ForcedKernelPath forced(path);
                    for (const int threads : {1, 2}) {
                        INFO(kernel_path_name(path) << ", " << described(shape) << ", inputs "
                                                    << static_cast<int>(inputs));
                        ThreadPool pool(threads);
                        std::vector<float> c(m * shape.n, -1.0F);
                        packed_gemm(pool, m, of.a.data(), packed, c.data());
                        require_same(c, expected);
                    }
                }
            }
        }
    }
}

TEST_CASE("packed weights on several threads, and without depth", "[gemm]") {
    const std::vector<float> weights = exact_inputs(1, size_t{3000} * 400, Inputs::kPlain);
    const std::vector<float> a = exact_inputs(2, size_t{2} * 400, Inputs::kPlain);
    const PackedMatrix packed(weights.data(), 3000, 400);
    for (const size_t m : std::initializer_list<size_t>{1, 2}) {
        require_same_on_all_paths([&](ThreadPool& pool) {
            std::vector<float> c(m * 3000);
            packed_gemm(pool, m, a.data(), packed, c.data());
            return c;
        });
    }
    const PackedMatrix flat(weights.data(), 5, 0);
    ThreadPool pool(1);
    std::vector<float> c(5, 1.0F);
    packed_gemm(pool, 1, a.data(), flat, c.data());
    CHECK(c == std::vector<float>(5, 0.0F));
}

TEST_CASE("a row of a packed matrix is the row that went in", "[gemm]") {
    const std::vector<float> weights = exact_inputs(3, size_t{70} * 9, Inputs::kPlain);
    const PackedMatrix packed(weights.data(), 70, 9);
    CHECK(packed.n() == 70);
    CHECK(packed.k() == 9);
    for (const size_t row : std::initializer_list<size_t>{0, 31, 32, 69}) {
        std::vector<float> values(9);
        packed.copy_row(row, values.data());
        CHECK(
            std::equal(values.begin(), values.end(), weights.begin() + static_cast<long>(row) * 9));
    }
    CHECK(packed.panel(2)[6] == 0.0F);  // beyond row 69
}

}  // namespace assay
