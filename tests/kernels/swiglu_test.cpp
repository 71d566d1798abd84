// SwiGLU: every path against the scalar file, in place, double precision, finite differences.
#include "kernels/swiglu.h"

#include "tests/kernels/exact_inputs.h"

namespace assay {

namespace {

double silu(double x) {
    return x / (1 + std::exp(-x));
}

}  // namespace

TEST_CASE("SwiGLU has the scalar bits on every path, in place too") {
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t count : {0U, 1U, 15U, 16U, 17U, 100U, 50005U}) {
            const std::vector<float> gate = exact_inputs(1, count, inputs);
            const std::vector<float> up = exact_inputs(2, count, inputs);
            const std::vector<float> d_out = exact_inputs(3, count, inputs);
            const auto run = [&](ThreadPool& pool) {
                std::vector<float> out(count);
                std::vector<float> d_gate(count);
                std::vector<float> d_up(count);
                swiglu_forward(pool, count, gate.data(), up.data(), out.data());
                swiglu_backward(
                    pool, count, gate.data(), up.data(), d_out.data(), d_gate.data(), d_up.data());
                return joined(out, d_gate, d_up);
            };
            require_same_on_all_paths(run);
            require_same_on_all_paths([&](ThreadPool& pool) {
                std::vector<float> out = gate;
                std::vector<float> d_gate = gate;
                std::vector<float> d_up = d_out;
                swiglu_forward(pool, count, out.data(), up.data(), out.data());
                swiglu_backward(
                    pool, count, d_gate.data(), up.data(), d_up.data(), d_gate.data(), d_up.data());
                std::vector<float> result = joined(out, d_gate, d_up);
                ThreadPool alone(1);
                require_same(result, run(alone));
                return result;
            });
        }
    }
}

TEST_CASE("SwiGLU and its gradient follow double precision", "[double]") {
    ThreadPool pool(1);
    const size_t count = 5000;
    std::vector<float> gate = exact_inputs(4, count, Inputs::kPlain);
    for (float& value : gate) {
        value *= 30.0F;
    }
    const std::vector<float> up = exact_inputs(5, count, Inputs::kPlain);
    const std::vector<float> d_out = exact_inputs(6, count, Inputs::kPlain);
    std::vector<float> out(count);
    std::vector<float> d_gate(count);
    std::vector<float> d_up(count);
    swiglu_forward(pool, count, gate.data(), up.data(), out.data());
    swiglu_backward(pool, count, gate.data(), up.data(), d_out.data(), d_gate.data(), d_up.data());
    for (size_t i = 0; i < count; ++i) {
        double x = gate[i];
        const double y = up[i];
        const double pull = d_out[i];
        REQUIRE(static_cast<double>(out[i]) == Approx(silu(x) * y).epsilon(4e-7));
        REQUIRE(static_cast<double>(d_up[i]) == Approx(silu(x) * pull).epsilon(4e-7));
        const double slope = finite_difference(x, [&] { return silu(x) * y * pull; });
        REQUIRE(static_cast<double>(d_gate[i]) == Approx(slope).epsilon(1e-6).margin(2e-6));
    }
}

TEST_CASE("silu at its ends") {
    ThreadPool pool(1);
    const std::vector<float> gate{0.0F, -0.0F, 100.0F, -100.0F, 3e38F};
    const std::vector<float> up(gate.size(), 1.0F);
    std::vector<float> out(gate.size());
    swiglu_forward(pool, gate.size(), gate.data(), up.data(), out.data());
    require_same({out[0], out[1], out[2], out[4]}, {0.0F, -0.0F, 100.0F, 3e38F});
    CHECK(std::abs(out[3]) < 1e-35F);
}

}  // namespace assay
