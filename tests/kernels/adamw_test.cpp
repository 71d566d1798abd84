// AdamW and the error accumulation: golden digest, double precision, AVX2 against scalar, bias
// tables.
#include "kernels/adamw.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>

#include "core/merkle.h"
#include "core/rng.h"
#include "kernels/feedback.h"
#include "kernels/feedback_paths.h"
#include "tests/support/tested_path.h"

namespace assay {

namespace {

struct Moments {
    std::vector<float> theta, m, v;
};

std::vector<float> random_values(uint64_t seed, size_t count, double scale) {
    CounterRng rng(derive_seed(Digest{}, "kernels_test", {seed}));
    std::vector<float> values(count);
    for (float& value : values) {
        // Spread over many binades, with zeros and denormals among them; no library function, whose
        // last bit might differ.
        const uint64_t kind = rng.below(16);
        const int exponent = kind == 0 ? -140 : static_cast<int>(rng.below(9)) - 4;
        const double sample = std::ldexp(scale * (2 * rng.unit() - 1), exponent);
        value = kind == 1 ? 0.0F : static_cast<float>(sample);
    }
    return values;
}

AdamScalars scalars_of_step(uint64_t k, const BiasTable& table) {
    const uint32_t rate = std::bit_cast<uint32_t>(1e-3F);
    return adam_scalars({}, rate, table.bias1_bits, table.bias2_bits, k, true);
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
        return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y);
    });
}

}  // namespace

TEST_CASE("thirty steps of AdamW have one digest on every machine") {
    const size_t count = 2 * kTileValues;
    Moments state{random_values(1, count, 0.02),
                  std::vector<float>(count, 0.0F),
                  std::vector<float>(count, 0.0F)};
    const BiasTable table = bias_table(0.9, 0.95);
    for (uint64_t k = 1; k <= 30; ++k) {
        adamw_step(state.theta,
                   state.m,
                   state.v,
                   random_values(100 + k, count, 0.01),
                   scalars_of_step(k, table));
    }
    CHECK(tiles_root(state.theta).hex() ==
          "6218f4c5147bd91686d9ba038e81d091dce244a59dc4e0e6acb710bf75715112");
    CHECK(tiles_root(state.m).hex() ==
          "2d0b4c737a824c5661e5daaf2a8a52dcbe2ea334f304ef4f2645039c3171a671");
    CHECK(tiles_root(state.v).hex() ==
          "013d2e64ba58e26a85b97d61b42287a46e81af2a5aebbd2eb34e690354171b7f");
}

TEST_CASE("AdamW follows the textbook in double precision", "[double]") {
    const size_t count = 1000;
    const BiasTable table = bias_table(0.9, 0.95);
    Moments state{random_values(2, count, 0.02),
                  std::vector<float>(count, 0.0F),
                  std::vector<float>(count, 0.0F)};
    std::vector<double> theta(state.theta.begin(), state.theta.end());
    std::vector<double> m(count, 0.0);
    std::vector<double> v(count, 0.0);
    const double b1 = 0.9F;
    const double b2 = 0.95F;
    for (uint64_t k = 1; k <= 50; ++k) {
        const std::vector<float> g = random_values(200 + k, count, 0.01);
        adamw_step(state.theta, state.m, state.v, g, scalars_of_step(k, table));
        for (size_t i = 0; i < count; ++i) {
            const double x = g[i];
            m[i] = b1 * m[i] + (1 - b1) * x;
            v[i] = b2 * v[i] + (1 - b2) * x * x;
            const double n = static_cast<double>(k);
            const double root = std::sqrt(v[i] / (1 - std::pow(b2, n))) + 1e-8;
            theta[i] -= 1e-3 * 0.1 * theta[i];
            theta[i] -= 1e-3 * (m[i] / (1 - std::pow(b1, n))) / root;
        }
    }
    for (size_t i = 0; i < count; ++i) {
        INFO("value " << i);
        REQUIRE(std::abs(theta[i] - static_cast<double>(state.theta[i])) <
                1e-5 * std::abs(theta[i]) + 1e-6);
    }
}

void check_avx2_feedback(KernelPath) {
    for (const size_t count : {0U, 1U, 7U, 8U, 9U, 63U, 4096U, 5001U}) {
        const std::vector<float> start = random_values(3, count, 0.02);
        const std::vector<float> end = random_values(4, count, 0.02);
        const std::vector<float> e = random_values(5, count, 1e-3);
        std::vector<float> a(count);
        std::vector<float> b(count);
        feedback_scalar({start.data(), end.data(), e.data(), a.data(), count}, 0.95F);
        feedback_avx2({start.data(), end.data(), e.data(), b.data(), count}, 0.95F);
        CHECK(same_bits(a, b));
    }
}

TEST_CASE("the AVX2 form of the feedback step equals the scalar one", "[needs_avx2]") {
    on_path(KernelPath::kAvx2, check_avx2_feedback);
}

TEST_CASE("padding stays zero, vectors do not decay") {
    std::vector<float> theta(16, 0.0F);
    std::vector<float> m(16, 0.0F);
    std::vector<float> v(16, 0.0F);
    const std::vector<float> g(16, 0.0F);
    const BiasTable table = bias_table(0.9, 0.95);
    adamw_step(theta, m, v, g, scalars_of_step(1, table));
    CHECK(same_bits(theta, std::vector<float>(16, 0.0F)));
    CHECK(same_bits(m, std::vector<float>(16, 0.0F)));

    std::fill(theta.begin(), theta.end(), 0.5F);
    const uint32_t rate = std::bit_cast<uint32_t>(1e-3F);
    adamw_step(theta, m, v, g, adam_scalars({}, rate, {}, {}, 9, false));
    CHECK(same_bits(theta, std::vector<float>(16, 0.5F)));
    adamw_step(theta, m, v, g, adam_scalars({}, rate, {}, {}, 9, true));
    CHECK(theta[3] < 0.5F);
}

TEST_CASE("the bias table ends where both corrections have become one") {
    const BiasTable table = bias_table(0.9, 0.95);
    REQUIRE(table.bias1_bits.size() == table.bias2_bits.size());
    CHECK(table.bias1_bits.size() < 400);
    CHECK(std::bit_cast<float>(table.bias1_bits[0]) == Approx(10.0F));
    CHECK(std::bit_cast<float>(table.bias2_bits[0]) == Approx(20.0F));
    CHECK(std::bit_cast<float>(table.bias2_bits.back()) > 1.0F);
    CHECK(bias_table(0.0, 0.0).bias1_bits.empty());
    CHECK(bias_table(kBetaMax, kBetaMax).bias1_bits.size() <= 4096);

    const uint32_t rate = std::bit_cast<uint32_t>(2e-3F);
    const AdamScalars late =
        adam_scalars({}, rate, table.bias1_bits, table.bias2_bits, 1000000, true);
    CHECK(late.bias2 == 1.0F);
    CHECK(late.rate == 2e-3F);
    CHECK(late.decay == 2e-3F * 0.1F);
    CHECK(late.one_minus_beta1 == 1.0F - 0.9F);
}

}  // namespace assay
