// Attention and its gradients against double precision, where the slopes are written out.
#include <algorithm>
#include <cmath>
#include <tuple>

#include "kernels/attention.h"
#include "tests/kernels/exact_inputs.h"
#include "tests/kernels/worst_error.h"

namespace assay {

namespace {

using Doubles = std::vector<double>;

// One head, one sequence.
struct InDouble {
    size_t tokens, width;
    Doubles q, k, v, d_out;
    Doubles out, dq, dk, dv;

    [[nodiscard]] double dot(const Doubles& a, size_t i, const Doubles& b, size_t j) const {
        double sum = 0;
        for (size_t w = 0; w < width; ++w) {
            sum += a[i * width + w] * b[j * width + w];
        }
        return sum;
    }
    void add(double factor, const Doubles& from, size_t j, Doubles& to, size_t i) const {
        for (size_t w = 0; w < width; ++w) {
            to[i * width + w] += factor * from[j * width + w];
        }
    }

    void run() {
        out.assign(q.size(), 0);
        dq = dk = dv = out;
        const double scale = 1 / std::sqrt(static_cast<double>(width));
        for (size_t i = 0; i < tokens; ++i) {
            Doubles weights;
            double sum = 0;
            for (size_t j = 0; j <= i; ++j) {
                weights.push_back(std::exp(dot(q, i, k, j) * scale));
                sum += weights.back();
            }
            for (size_t j = 0; j <= i; ++j) {
                weights[j] /= sum;
                add(weights[j], v, j, out, i);
            }
            const double mean = dot(out, i, d_out, i);
            for (size_t j = 0; j <= i; ++j) {
                const double slope = weights[j] * (dot(d_out, i, v, j) - mean) * scale;
                add(slope, k, j, dq, i);
                add(slope, q, i, dk, j);
                add(weights[j], d_out, i, dv, j);
            }
        }
    }
};

// Of the largest value of the array: its small values are sums that cancel.
void see_all(const std::vector<float>& values, const Doubles& exact, WorstError& error) {
    double largest = 0;
    for (const double value : exact) {
        largest = std::max(largest, std::abs(value));
    }
    for (size_t i = 0; i < exact.size(); ++i) {
        error.see(values[i], exact[i], largest);
    }
}

}  // namespace

TEST_CASE("attention and its gradients are as accurate as documented", "[attention][double]") {
    ThreadPool pool(1);
    WorstError out_error("attention out, of its largest value");
    WorstError q_error("attention dq, of its largest value");
    WorstError k_error("attention dk, of its largest value");
    WorstError v_error("attention dv, of its largest value");
    for (const auto& [tokens, width, size] :
         {std::tuple{150U, 64U, 1.0F}, std::tuple{150U, 64U, 3.0F}, std::tuple{600U, 32U, 1.0F}}) {
        const size_t count = size_t{tokens} * width;
        std::vector<float> q = exact_inputs(1, count, Inputs::kPlain);
        for (float& value : q) {
            value *= size;  // sharper weights
        }
        const std::vector<float> k = exact_inputs(2, count, Inputs::kPlain);
        const std::vector<float> v = exact_inputs(3, count, Inputs::kPlain);
        const std::vector<float> d_out = exact_inputs(4, count, Inputs::kPlain);
        std::vector<float> most(tokens);
        std::vector<float> sum(tokens);
        const AttentionStatistics statistics{most.data(), sum.data()};
        std::vector<float> out(count);
        std::vector<float> dq(count);
        std::vector<float> dk(count);
        std::vector<float> dv(count);
        const AttentionShape shape{1, tokens, 1, 1, width};
        attention_forward(pool, shape, q.data(), k.data(), v.data(), out.data(), statistics);
        attention_backward(pool,
                           shape,
                           q.data(),
                           k.data(),
                           v.data(),
                           out.data(),
                           d_out.data(),
                           statistics,
                           dq.data(),
                           dk.data(),
                           dv.data());
        InDouble exact{tokens,
                       width,
                       {q.begin(), q.end()},
                       {k.begin(), k.end()},
                       {v.begin(), v.end()},
                       {d_out.begin(), d_out.end()},
                       {},
                       {},
                       {},
                       {}};
        exact.run();
        see_all(out, exact.out, out_error);
        see_all(dq, exact.dq, q_error);
        see_all(dk, exact.dk, k_error);
        see_all(dv, exact.dv, v_error);
    }
    CHECK(out_error.worst() <= 4e-7);
    CHECK(q_error.worst() <= 6e-7);
    CHECK(k_error.worst() <= 2e-6);
    CHECK(v_error.worst() <= 2e-6);
}

}  // namespace assay
