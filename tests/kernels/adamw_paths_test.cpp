// AdamW: every path and thread count against the scalar file.
#include "kernels/adamw.h"
#include "tests/kernels/exact_inputs.h"

namespace assay {

TEST_CASE("AdamW has the scalar bits on every path") {
    const BiasTable table = bias_table(0.9, 0.95);
    const uint32_t rate = std::bit_cast<uint32_t>(1e-3F);
    const AdamScalars s = adam_scalars({}, rate, table.bias1_bits, table.bias2_bits, 7, true);
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t count : {0U, 1U, 7U, 15U, 16U, 17U, 63U, 4096U, 50001U}) {
            require_same_on_all_paths([&](ThreadPool& pool) {
                std::vector<float> theta = exact_inputs(3, count, inputs);
                std::vector<float> m = exact_inputs(4, count, inputs);
                std::vector<float> v = exact_inputs(5, count, inputs);
                for (float& value : v) {
                    value = std::abs(value);
                }
                const std::vector<float> g = exact_inputs(6, count, inputs);
                adamw_step(pool, theta, m, v, g, s);
                return joined(theta, m, v);
            });
        }
    }
}

}  // namespace assay
