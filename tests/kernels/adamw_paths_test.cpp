// AdamW: every path against the scalar file.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/adamw.h"
#include "tests/kernels/exact_inputs.h"

namespace assay {

namespace {

bool all_finite(const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace

TEST_CASE("AdamW says on every path whether theta and v are finite after it") {
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const AdamScalars s = adam_scalars({}, std::bit_cast<uint32_t>(1e-3F), {}, {}, 7, true);
    constexpr size_t kCount = 50001;
    for (const float bad : {0.0F, kNan, -kNan, kInfinity, -kInfinity}) {
        for (const size_t place : {size_t{0}, size_t{20011}, kCount - 1}) {
            for (size_t array = 0; array < 4; ++array) {
                CAPTURE(bad, place, array);
                require_same_on_all_paths([&](ThreadPool&) {
                    std::vector<std::vector<float>> of(4, std::vector<float>(kCount, 0.5F));
                    of[array][place] = bad;
                    const bool finite = adamw_step(of[0], of[1], of[2], of[3], s);
                    CHECK(finite == std::isfinite(bad));
                    return std::vector<float>{finite ? 1.0F : 0.0F};
                });
            }
        }
    }
    // A gradient whose square overflows leaves theta where it was: v tells.
    require_same_on_all_paths([&](ThreadPool&) {
        std::vector<float> theta(64, 0.5F);
        std::vector<float> m(64, 0.0F);
        std::vector<float> v(64, 0.0F);
        CHECK_FALSE(adamw_step(theta, m, v, std::vector<float>(64, 1e30F), s));
        CHECK(all_finite(theta));
        return theta;
    });
}

TEST_CASE("AdamW has the scalar bits on every path") {
    const BiasTable table = bias_table(0.9, 0.95);
    const uint32_t rate = std::bit_cast<uint32_t>(1e-3F);
    const AdamScalars s = adam_scalars({}, rate, table.bias1_bits, table.bias2_bits, 7, true);
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t count : {0U, 1U, 7U, 15U, 16U, 17U, 63U, 4096U, 50001U}) {
            require_same_on_all_paths([&](ThreadPool&) {
                std::vector<float> theta = exact_inputs(3, count, inputs);
                std::vector<float> m = exact_inputs(4, count, inputs);
                std::vector<float> v = exact_inputs(5, count, inputs);
                for (float& value : v) {
                    value = std::abs(value);
                }
                const std::vector<float> g = exact_inputs(6, count, inputs);
                const bool finite = adamw_step(theta, m, v, g, s);
                CHECK(finite == (all_finite(theta) && all_finite(v)));
                return joined(theta, m, v);
            });
        }
    }
}

}  // namespace assay
