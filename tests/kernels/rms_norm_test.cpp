// RMSNorm: every path against the scalar file, double precision, finite differences.
#include "kernels/rms_norm.h"

#include "tests/kernels/exact_inputs.h"

namespace assay {

namespace {

constexpr float kEpsilon = 1e-5F;

std::vector<float> run_both(ThreadPool& pool, size_t rows, size_t width, Inputs inputs) {
    const std::vector<float> x = exact_inputs(width, rows * width, inputs);
    const std::vector<float> weight = exact_inputs(width + 1, width, inputs);
    const std::vector<float> dy = exact_inputs(width + 2, rows * width, inputs);
    std::vector<float> y(rows * width);
    std::vector<float> inverse(rows);
    std::vector<float> dx = exact_inputs(width + 3, rows * width, inputs);
    std::vector<float> d_weight = exact_inputs(width + 4, width, inputs);
    rms_norm_forward(
        pool, rows, width, x.data(), weight.data(), kEpsilon, y.data(), inverse.data());
    rms_norm_backward(pool,
                      rows,
                      width,
                      x.data(),
                      weight.data(),
                      inverse.data(),
                      dy.data(),
                      dx.data(),
                      d_weight.data());
    return joined(y, inverse, dx, d_weight);
}

struct Network {
    size_t rows = 3;
    size_t width = 21;
    std::vector<double> x, weight, pull;

    [[nodiscard]] double output(size_t row, size_t i) const {
        double squares = 0;
        for (size_t j = 0; j < width; ++j) {
            squares += x[row * width + j] * x[row * width + j];
        }
        const double mean = squares / static_cast<double>(width);
        return x[row * width + i] / std::sqrt(mean + static_cast<double>(kEpsilon)) * weight[i];
    }
    [[nodiscard]] double loss() const {
        double sum = 0;
        for (size_t row = 0; row < rows; ++row) {
            for (size_t i = 0; i < width; ++i) {
                sum += output(row, i) * pull[row * width + i];
            }
        }
        return sum;
    }
};

}  // namespace

TEST_CASE("RMSNorm has the scalar bits on every path") {
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t width : {1U, 15U, 16U, 17U, 31U, 33U, 64U, 257U}) {
            require_same_on_all_paths(
                [&](ThreadPool& pool) { return run_both(pool, 5, width, inputs); });
        }
        require_same_on_all_paths(
            [&](ThreadPool& pool) { return run_both(pool, 700, 77, inputs); });
        require_same_on_all_paths([&](ThreadPool& pool) { return run_both(pool, 0, 16, inputs); });
    }
}

TEST_CASE("RMSNorm and its gradient follow double precision", "[double]") {
    ThreadPool pool(1);
    Network net;
    const size_t count = net.rows * net.width;
    const std::vector<float> x = exact_inputs(1, count, Inputs::kPlain);
    const std::vector<float> weight = exact_inputs(2, net.width, Inputs::kPlain);
    const std::vector<float> dy = exact_inputs(3, count, Inputs::kPlain);
    net.x.assign(x.begin(), x.end());
    net.weight.assign(weight.begin(), weight.end());
    net.pull.assign(dy.begin(), dy.end());
    std::vector<float> y(count);
    std::vector<float> inverse(net.rows);
    std::vector<float> dx(count, 2.0F);
    std::vector<float> d_weight(net.width, 3.0F);
    rms_norm_forward(
        pool, net.rows, net.width, x.data(), weight.data(), kEpsilon, y.data(), inverse.data());
    rms_norm_backward(pool,
                      net.rows,
                      net.width,
                      x.data(),
                      weight.data(),
                      inverse.data(),
                      dy.data(),
                      dx.data(),
                      d_weight.data());
    for (size_t i = 0; i < count; ++i) {
        const double exact = net.output(i / net.width, i % net.width);
        REQUIRE(std::abs(static_cast<double>(y[i]) - exact) <= 5e-7 * std::abs(exact));
        const double slope = finite_difference(net.x[i], [&] { return net.loss(); });
        REQUIRE(static_cast<double>(dx[i]) - 2 == Approx(slope).margin(3e-6));
    }
    for (size_t i = 0; i < net.width; ++i) {
        const double slope = finite_difference(net.weight[i], [&] { return net.loss(); });
        REQUIRE(static_cast<double>(d_weight[i]) - 3 == Approx(slope).margin(3e-6));
    }
}

TEST_CASE("a sum is added in place on every path") {
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t count : {0U, 1U, 16U, 31U, 50001U}) {
            require_same_on_all_paths([&](ThreadPool& pool) {
                std::vector<float> x = exact_inputs(1, count, inputs);
                add_in_place(pool, count, x.data(), exact_inputs(2, count, inputs).data());
                return x;
            });
        }
    }
}

}  // namespace assay
