// Lanes: every operation of every path against ScalarLanes, and what exp_of and log_of are worth.
#include <iostream>

#include "tests/kernels/exact_inputs.h"
#include "tests/kernels/lanes_probe.h"
#include "tests/support/tested_path.h"

namespace assay {

namespace {

constexpr size_t kWidth = 16;

struct Arguments {
    std::vector<float> a, b, c;
};

Arguments arguments_of(uint64_t seed, Inputs inputs) {
    Arguments arguments{exact_inputs(3 * seed, kWidth, inputs),
                        exact_inputs(3 * seed + 1, kWidth, inputs),
                        exact_inputs(3 * seed + 2, kWidth, inputs)};
    if (seed % 4 == 0) {
        arguments.b = arguments.a;  // equal values, and a - b near nothing
    }
    return arguments;
}

std::vector<float> result_of(LanesProbe probe, LanesOp op, const Arguments& from, size_t count) {
    std::vector<float> out(kWidth, -7.0F);
    probe(op, from.a.data(), from.b.data(), from.c.data(), count, out.data());
    return out;
}

// Distance from the exact value in units of the last place of its fp32 neighbourhood.
double ulps(float value, double exact) {
    const float nearest = static_cast<float>(exact);
    const double unit = static_cast<double>(std::nextafter(std::abs(nearest), INFINITY)) -
                        static_cast<double>(std::abs(nearest));
    return std::abs(static_cast<double>(value) - exact) / unit;
}

float float_of(uint32_t bits) {
    return std::bit_cast<float>(bits);
}

// Largest error of the operation over the floats between two bit patterns, `stride` apart.
template <class Exact>
double worst_ulps(LanesOp op, uint32_t first, uint32_t last, uint32_t stride, const Exact& exact) {
    const LanesProbe probe = lanes_probe(kernel_path());
    const size_t values = op == LanesOp::kLog ? 1 : kWidth;
    double worst = 0;
    std::vector<float> x(kWidth, 1.0F);
    std::vector<float> y(kWidth);
    for (uint64_t bits = first; bits <= last; bits += values * stride) {
        for (size_t i = 0; i < values; ++i) {
            x[i] = float_of(static_cast<uint32_t>(std::min<uint64_t>(bits + i * stride, last)));
        }
        probe(op, x.data(), x.data(), x.data(), kWidth, y.data());
        for (size_t i = 0; i < values; ++i) {
            worst = std::max(worst, ulps(y[i], exact(static_cast<double>(x[i]))));
        }
    }
    return worst;
}

uint32_t bits_of(float value) {
    return std::bit_cast<uint32_t>(value);
}

double worst_exp(uint32_t stride) {
    const auto exact = [](double x) { return std::exp(x); };
    const double below = worst_ulps(LanesOp::kExp, bits_of(-0.0F), bits_of(-87.0F), stride, exact);
    const double above = worst_ulps(LanesOp::kExp, 0, bits_of(88.0F), stride, exact);
    return std::max(below, above);
}

double worst_log(uint32_t stride) {
    const auto exact = [](double x) { return std::log(x); };
    return worst_ulps(LanesOp::kLog, 0x00800000U, 0x7F7FFFFFU, stride, exact);
}

}  // namespace

TEST_CASE("every operation of every path equals ScalarLanes") {
    const LanesProbe plain = lanes_probe(KernelPath::kScalar);
    for (const KernelPath path : available_kernel_paths()) {
        const LanesProbe probe = lanes_probe(path);
        for (int op = 0; op < static_cast<int>(LanesOp::kEnd); ++op) {
            INFO(kernel_path_name(path) << " operation " << op);
            for (uint64_t seed = 0; seed < 400; ++seed) {
                const Arguments from = arguments_of(seed, kAllInputs[seed % 4]);
                const size_t count = seed < 200 ? kWidth : seed % (kWidth + 1);
                require_same(result_of(probe, static_cast<LanesOp>(op), from, count),
                             result_of(plain, static_cast<LanesOp>(op), from, count));
            }
        }
    }
}

TEST_CASE("greater_of and lesser_of return the second of two zeros and of a pair with NaN") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    Arguments from{std::vector<float>(kWidth, 0.0F), std::vector<float>(kWidth, -0.0F), {}};
    from.c = from.a;
    from.a[1] = -0.0F;
    from.b[1] = 0.0F;
    from.a[2] = nan;
    from.b[2] = 3.0F;
    from.a[3] = 3.0F;
    from.b[3] = nan;
    for (const KernelPath path : available_kernel_paths()) {
        for (const LanesOp op : {LanesOp::kGreaterOf, LanesOp::kLesserOf}) {
            require_same(result_of(lanes_probe(path), op, from, kWidth), from.b);
        }
    }
}

TEST_CASE("the sum of lanes is the tree of halves") {
    Arguments from{std::vector<float>(kWidth, 0.0F), {}, {}};
    from.a[0] = 1e8F;
    from.a[8] = 1.0F;  // lost in 1e8
    from.a[4] = -1e8F;
    from.a[12] = -1.0F;
    from.a[2] = 0.5F;
    from.a[7] = 0.25F;
    from.b = from.c = from.a;
    for (const KernelPath path : available_kernel_paths()) {
        CHECK(result_of(lanes_probe(path), LanesOp::kSum, from, kWidth)[0] == 0.75F);
        CHECK(result_of(lanes_probe(path), LanesOp::kGreatest, from, kWidth)[0] == 1e8F);
    }
}

TEST_CASE("exp_of is 1.02 and log_of 0.83 units in the last place off at most", "[double]") {
    CHECK(worst_exp(997) <= 1.02);
    CHECK(worst_log(4999) <= 0.83);
}

TEST_CASE("exp_of and log_of over every float of their range", "[.exhaustive]") {
    const double exponential = worst_exp(1);
    const double logarithm = worst_log(1);
    std::cout << "exp_of " << exponential << " ulp, log_of " << logarithm << " ulp\n";
    CHECK(exponential <= 1.02);
    CHECK(logarithm <= 0.83);
}

TEST_CASE("exp_of and log_of at the ends of their ranges") {
    const float infinity = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    Arguments from{std::vector<float>(kWidth, 0.0F), {}, {}};
    from.a = {0.0F,
              -0.0F,
              1e-45F,
              -1e-45F,
              88.0F,
              89.0F,
              infinity,
              -87.0F,
              -88.0F,
              -infinity,
              nan,
              3e38F,
              -3e38F,
              1.0F,
              1e-8F,
              -1e-8F};
    from.b = from.c = from.a;
    for (const KernelPath path : available_kernel_paths()) {
        const std::vector<float> e = result_of(lanes_probe(path), LanesOp::kExp, from, kWidth);
        require_same({e[0], e[1], e[2], e[3], e[14], e[15]}, std::vector<float>(6, 1.0F));
        require_same({e[5], e[6], e[11]}, std::vector<float>(3, e[4]));
        require_same({e[8], e[9], e[12]}, std::vector<float>(3, e[7]));
        CHECK(std::isnan(e[10]));
        CHECK(e[7] >= std::numeric_limits<float>::min());
        for (const float x : {infinity, nan}) {
            Arguments one{std::vector<float>(kWidth, x), from.a, from.a};
            const float log = result_of(lanes_probe(path), LanesOp::kLog, one, kWidth)[0];
            CHECK(same_value(log, x));
        }
        Arguments one{std::vector<float>(kWidth, 1.0F), from.a, from.a};
        CHECK(result_of(lanes_probe(path), LanesOp::kLog, one, kWidth)[0] == 0.0F);
    }
}

// One FNV-1a hash of all results on fixed inputs: the same on x86-64 and arm64.
void check_lanes_hash(KernelPath path) {
    INFO(kernel_path_name(path));
    uint64_t hash = 0xCBF29CE484222325U;
    for (int op = 0; op < static_cast<int>(LanesOp::kEnd); ++op) {
        for (uint64_t seed = 0; seed < 64; ++seed) {
            const Arguments from = arguments_of(seed, kAllInputs[seed % 3]);
            for (const float value :
                 result_of(lanes_probe(path), static_cast<LanesOp>(op), from, kWidth)) {
                hash ^= std::isnan(value) ? 0x7FC00000U : bits_of(value);
                hash *= 0x100000001B3U;
            }
        }
    }
    CHECK(hash == 0xC2491D35056E96DAU);
}

TEST_CASE("the operations of the lanes have one hash on every machine") {
    on_paths_of_every_machine(check_lanes_hash);
}

TEST_CASE("the operations of the lanes have that hash on AVX2", "[needs_avx2]") {
    on_path(KernelPath::kAvx2, check_lanes_hash);
}

TEST_CASE("the operations of the lanes have that hash on AVX-512", "[needs_avx512]") {
    on_path(KernelPath::kAvx512, check_lanes_hash);
}

}  // namespace assay
