// Errors against double precision: the bounds that docs/exact-arithmetic.md states, asserted.
// Attention: attention_accuracy_test.cpp; e^x and ln x: lanes_test.cpp; products: gemm_test.cpp.
#include <algorithm>
#include <cmath>

#include "core/merkle.h"
#include "kernels/adamw.h"
#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"
#include "kernels/norm.h"
#include "kernels/rms_norm.h"
#include "kernels/rotary.h"
#include "kernels/swiglu.h"
#include "tests/kernels/exact_inputs.h"
#include "tests/kernels/worst_error.h"

namespace assay {

namespace {

std::vector<float> plain(uint64_t seed, size_t count, float size = 1) {
    std::vector<float> values = exact_inputs(seed, count, Inputs::kPlain);
    for (float& value : values) {
        value *= size;
    }
    return values;
}

}  // namespace

TEST_CASE("AdamW is as accurate as documented", "[double]") {
    const BiasTable table = bias_table(0.9, 0.95);
    WorstError m_error("AdamW m, of |beta1 m| + |(1 - beta1) g|");
    WorstError v_error("AdamW v, relative");
    WorstError theta_error("AdamW theta, of |theta| + 8 |step|");
    for (const uint64_t k : {1U, 2U, 10U, 500U}) {
        const size_t count = 20000;
        std::vector<float> theta = plain(k, count);
        std::vector<float> m = plain(k + 1, count, 0.01F);
        std::vector<float> v = plain(k + 2, count, 0.01F);
        for (float& value : v) {
            value *= value;
        }
        const std::vector<float> g = plain(k + 3, count, 0.02F);
        const std::vector<double> theta0(theta.begin(), theta.end());
        const std::vector<double> m0(m.begin(), m.end());
        const std::vector<double> v0(v.begin(), v.end());
        const uint32_t rate_bits = std::bit_cast<uint32_t>(0.01F);
        adamw_step(theta,
                   m,
                   v,
                   g,
                   adam_scalars({}, rate_bits, table.bias1_bits, table.bias2_bits, k, true));
        const double b1 = 0.9F;
        const double b2 = 0.95F;
        const double rate = 0.01F;
        const auto n = static_cast<double>(k);
        for (size_t i = 0; i < count; ++i) {
            const double x = g[i];
            const double first = b1 * m0[i] + (1 - b1) * x;
            const double second = b2 * v0[i] + (1 - b2) * x * x;
            const double root =
                std::sqrt(second / (1 - std::pow(0.95, n))) + static_cast<double>(1e-8F);
            const double step = rate * first / (1 - std::pow(0.9, n)) / root;
            const double sizes = std::abs(b1 * m0[i]) + std::abs((1 - b1) * x);
            const double whole = rate * sizes / (1 - std::pow(0.9, n)) / root;
            const double exact = theta0[i] * (1 - rate * static_cast<double>(0.1F)) - step;
            m_error.see(m[i], first, sizes);
            v_error.see(v[i], second, second);
            theta_error.see(theta[i], exact, std::abs(theta0[i]) + 8 * whole);
        }
    }
    CHECK(m_error.worst() <= 1.5e-7);
    CHECK(v_error.worst() <= 2e-7);
    CHECK(theta_error.worst() <= 1.5e-7);
}

TEST_CASE("RMSNorm is as accurate as documented", "[double]") {
    const double epsilon = 1e-5F;
    WorstError y_error("RMSNorm y, relative");
    WorstError x_error("RMSNorm dx, of the sizes of its two terms");
    WorstError w_error("RMSNorm dw, of the sum of its terms' sizes");
    ThreadPool pool(1);
    for (const size_t width : {16U, 100U, 1024U, 4096U}) {
        const size_t rows = 64;
        const std::vector<float> x = plain(width, rows * width, 3);
        const std::vector<float> weight = plain(width + 1, width);
        const std::vector<float> dy = plain(width + 2, rows * width);
        std::vector<float> y(rows * width);
        std::vector<float> inverse(rows);
        std::vector<float> dx(rows * width);
        std::vector<float> dw(width);
        rms_norm_forward(
            pool, rows, width, x.data(), weight.data(), 1e-5F, y.data(), inverse.data());
        rms_norm_backward(pool,
                          rows,
                          width,
                          x.data(),
                          weight.data(),
                          inverse.data(),
                          dy.data(),
                          dx.data(),
                          dw.data());
        std::vector<double> exact_dw(width);
        std::vector<double> sizes_dw(width);
        for (size_t row = 0; row < rows; ++row) {
            const size_t at = row * width;
            const auto n = static_cast<double>(width);
            double squares = 0;
            double dot = 0;
            double sizes = 0;
            for (size_t i = 0; i < width; ++i) {
                const double value = x[at + i];
                const double pull =
                    static_cast<double>(dy[at + i]) * static_cast<double>(weight[i]);
                squares += value * value;
                dot += pull * value;
                sizes += std::abs(pull * value);
            }
            const double r = 1 / std::sqrt(squares / n + epsilon);
            for (size_t i = 0; i < width; ++i) {
                const double value = x[at + i];
                const double pull =
                    static_cast<double>(dy[at + i]) * static_cast<double>(weight[i]);
                const double unit = value * r;
                const double share = r * r * r / n;
                y_error.see(y[at + i], unit * weight[i], std::abs(unit * weight[i]));
                x_error.see(dx[at + i],
                            r * pull - value * dot * share,
                            std::abs(r * pull) + std::abs(value) * sizes * share);
                exact_dw[i] += static_cast<double>(dy[at + i]) * unit;
                sizes_dw[i] += std::abs(static_cast<double>(dy[at + i]) * unit);
            }
        }
        for (size_t i = 0; i < width; ++i) {
            w_error.see(dw[i], exact_dw[i], sizes_dw[i]);
        }
    }
    CHECK(y_error.worst() <= 5e-7);
    CHECK(x_error.worst() <= 5e-7);
    CHECK(w_error.worst() <= 5e-7);
}

TEST_CASE("SwiGLU is as accurate as documented", "[double]") {
    ThreadPool pool(1);
    const size_t count = 200000;
    const std::vector<float> gate = plain(1, count, 40);
    const std::vector<float> up = plain(2, count);
    const std::vector<float> pull = plain(3, count);
    std::vector<float> out(count);
    std::vector<float> d_gate(count);
    std::vector<float> d_up(count);
    swiglu_forward(pool, count, gate.data(), up.data(), out.data());
    swiglu_backward(pool, count, gate.data(), up.data(), pull.data(), d_gate.data(), d_up.data());
    WorstError out_error("SwiGLU out, relative");
    WorstError up_error("SwiGLU d_up, relative");
    WorstError gate_error("SwiGLU d_gate, of |d_out u| s (1 + |x|)");
    for (size_t i = 0; i < count; ++i) {
        const double x = gate[i];
        const double s = 1 / (1 + std::exp(-x));
        const double h = x * s;
        const double both = static_cast<double>(pull[i]) * static_cast<double>(up[i]);
        out_error.see(out[i], h * up[i], std::abs(h * up[i]));
        up_error.see(d_up[i], h * pull[i], std::abs(h * pull[i]));
        gate_error.see(
            d_gate[i], both * (s + h * std::exp(-x) * s), std::abs(both) * (s + std::abs(h)));
    }
    CHECK(out_error.worst() <= 4e-7);
    CHECK(up_error.worst() <= 4e-7);
    CHECK(gate_error.worst() <= 5e-7);
}

TEST_CASE("cross-entropy is as accurate as documented", "[double]") {
    ThreadPool pool(1);
    WorstError loss_error("cross-entropy loss, relative");
    WorstError error("cross-entropy gradients, relative");
    for (const size_t vocab : {3U, 50U, 5003U, 50257U}) {
        const size_t target = vocab / 2;
        const std::vector<float> before = plain(vocab, vocab, 8);
        std::vector<float> logits = before;
        float loss = 0;
        const std::vector<int32_t> targets{static_cast<int32_t>(target)};
        cross_entropy_backward(pool, targets, vocab, 0.5F, logits.data(), &loss);
        const double greatest = *std::max_element(before.begin(), before.end());
        double sum = 0;
        for (const float x : before) {
            sum += std::exp(x - greatest);
        }
        const double exact = std::log(sum) - (before[target] - greatest);
        loss_error.see(loss, exact, exact);
        for (size_t j = 0; j < vocab; ++j) {
            const double p = std::exp(before[j] - greatest) / sum;
            const double slope = 0.5 * (j == target ? p - 1 : p);
            error.see(logits[j], slope, std::abs(slope));
        }
    }
    CHECK(loss_error.worst() <= 1e-6);
    CHECK(error.worst() <= 5e-6);
}

TEST_CASE("rotations are as accurate as documented", "[double]") {
    ThreadPool pool(1);
    const size_t width = 64;
    const size_t half = width / 2;
    const size_t rows = 2000;
    const RotaryTables tables = make_rotary_tables(rows, width, 10000);
    const std::vector<float> x = plain(1, rows * width);
    std::vector<float> y = x;
    rotate(pool, tables, rows, rows, 1, 0, y.data());
    WorstError error("rotation, of |a| + |b|");
    for (size_t row = 0; row < rows; ++row) {
        for (size_t i = 0; i < half; ++i) {
            const double angle =
                static_cast<double>(row) *
                std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
            const double a = x[row * width + i];
            const double b = x[row * width + half + i];
            const double size = std::abs(a) + std::abs(b);
            error.see(y[row * width + i], a * std::cos(angle) - b * std::sin(angle), size);
            error.see(y[row * width + half + i], a * std::sin(angle) + b * std::cos(angle), size);
        }
    }
    CHECK(error.worst() <= 1.5e-7);
}

TEST_CASE("the norm, clipping and the embedding are as accurate as documented", "[double]") {
    ThreadPool pool(1);
    const std::vector<float> values = plain(1, 100 * kTileValues + 77);
    long double squares = 0;
    for (const float value : values) {
        squares += static_cast<long double>(value) * static_cast<long double>(value);
    }
    const double norm = squared_norm(pool, values);
    WorstError norm_error("squared norm, relative (of fp64)");
    norm_error.see(norm, static_cast<double>(squares), static_cast<double>(squares));
    CHECK(norm_error.worst() <= 1e-13);

    std::vector<float> clipped = values;
    scale_in_place(pool, clipped, clip_scale(norm, 1.0F));
    WorstError clip_error("clipped gradient, relative");
    for (size_t i = 0; i < values.size(); ++i) {
        const double exact = static_cast<double>(values[i]) / std::sqrt(norm);
        clip_error.see(clipped[i], exact, std::abs(exact));
    }
    CHECK(clip_error.worst() <= 1.3e-7);

    const size_t width = 40;
    const std::vector<int32_t> tokens = random_tokens(1, 2000, 7);
    const std::vector<float> d_out = plain(2, tokens.size() * width);
    std::vector<float> d_table(7 * width);
    embedding_backward(pool, tokens, width, d_out.data(), d_table.data());
    WorstError table_error("embedding's gradient, of the sum of its terms' sizes");
    for (size_t at = 0; at < d_table.size(); ++at) {
        double sum = 0;
        double sizes = 0;
        for (size_t i = 0; i < tokens.size(); ++i) {
            if (static_cast<size_t>(tokens[i]) == at / width) {
                sum += static_cast<double>(d_out[i * width + at % width]);
                sizes += std::abs(static_cast<double>(d_out[i * width + at % width]));
            }
        }
        table_error.see(d_table[at], sum, sizes);
    }
    CHECK(table_error.worst() <= 5e-7);
}

}  // namespace assay
