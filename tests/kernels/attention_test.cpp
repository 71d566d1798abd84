// Attention: the specification written plainly, every path against it bit for bit, double
// precision, finite differences, and the single query against the training forward.
#include "kernels/attention.h"

#include <algorithm>
#include <iostream>

#include "kernels/lanes_math.h"
#include "kernels/lanes_scalar.h"
#include "tests/kernels/exact_inputs.h"

namespace assay {

namespace {

struct Problem {
    AttentionShape shape;
    std::vector<float> q, k, v, d_out;

    [[nodiscard]] size_t rows() const { return shape.sequences * shape.tokens; }
    [[nodiscard]] size_t q_width() const { return shape.heads * shape.head_width; }
    [[nodiscard]] size_t kv_width() const { return shape.kv_heads * shape.head_width; }
};

Problem problem_of(const AttentionShape& shape, Inputs inputs, uint64_t seed) {
    Problem p;
    p.shape = shape;
    p.q = exact_inputs(seed, p.rows() * p.q_width(), inputs);
    p.k = exact_inputs(seed + 1, p.rows() * p.kv_width(), inputs);
    p.v = exact_inputs(seed + 2, p.rows() * p.kv_width(), inputs);
    p.d_out = exact_inputs(seed + 3, p.rows() * p.q_width(), inputs);
    return p;
}

struct Results {
    std::vector<float> out, row_max, row_sum, dq, dk, dv;
};

// What is there before must not matter.
Results room_for(const Problem& p) {
    const size_t statistics = p.shape.sequences * p.shape.heads * p.shape.tokens;
    const float before = std::numeric_limits<float>::quiet_NaN();
    Results r;
    r.out.assign(p.q.size(), before);
    r.row_max.assign(statistics, before);
    r.row_sum.assign(statistics, before);
    r.dq.assign(p.q.size(), before);
    r.dk.assign(p.k.size(), before);
    r.dv.assign(p.k.size(), before);
    return r;
}

std::vector<float> all_of(const Results& r) {
    return joined(r.out, r.row_max, r.row_sum, r.dq, r.dk, r.dv);
}

Results run_both(ThreadPool& pool, const Problem& p) {
    Results r = room_for(p);
    const AttentionStatistics statistics{r.row_max.data(), r.row_sum.data()};
    attention_forward(pool, p.shape, p.q.data(), p.k.data(), p.v.data(), r.out.data(), statistics);
    attention_backward(pool,
                       p.shape,
                       p.q.data(),
                       p.k.data(),
                       p.v.data(),
                       r.out.data(),
                       p.d_out.data(),
                       statistics,
                       r.dq.data(),
                       r.dk.data(),
                       r.dv.data());
    return r;
}

float exp_of_one(float x) {
    return exp_of(ScalarLanes::broadcast(x)).value[0];
}

// docs/exact-arithmetic.md, one query of one head at a time.
struct Plain {
    const Problem& p;
    Results r;
    float scale = 0;

    [[nodiscard]] float score(size_t q_at, size_t k_at) const {
        float sum = 0;
        for (size_t w = 0; w < p.shape.head_width; ++w) {
            sum = std::fma(p.q[q_at + w], p.k[k_at + w], sum);
        }
        return sum * scale;
    }

    void forward(size_t row, size_t q_at, size_t kv_at, size_t keys) {
        float most = -std::numeric_limits<float>::infinity();
        for (size_t j = 0; j < keys; ++j) {
            const float now = score(q_at, kv_at + j * p.kv_width());
            most = now > most ? now : most;
        }
        float row_sum = 0;
        std::vector<float> sums(p.shape.head_width);
        for (size_t j = 0; j < keys; ++j) {
            const size_t at = kv_at + j * p.kv_width();
            const float power = exp_of_one(score(q_at, at) - most);
            row_sum = row_sum + power;
            for (size_t w = 0; w < sums.size(); ++w) {
                sums[w] = std::fma(power, p.v[at + w], sums[w]);
            }
        }
        for (size_t w = 0; w < sums.size(); ++w) {
            r.out[q_at + w] = sums[w] / row_sum;
        }
        r.row_max[row] = most;
        r.row_sum[row] = row_sum;
    }

    void backward(size_t row, size_t q_at, size_t kv_at, size_t keys) {
        const size_t width = p.shape.head_width;
        float dot = 0;
        for (size_t w = 0; w < width; ++w) {
            dot = std::fma(r.out[q_at + w], p.d_out[q_at + w], dot);
            r.dq[q_at + w] = 0;
        }
        const float inverse = 1.0F / r.row_sum[row];
        for (size_t j = 0; j < keys; ++j) {
            const size_t at = kv_at + j * p.kv_width();
            const float weight = exp_of_one(score(q_at, at) - r.row_max[row]) * inverse;
            float d_weight = 0;
            for (size_t w = 0; w < width; ++w) {
                d_weight = std::fma(p.d_out[q_at + w], p.v[at + w], d_weight);
            }
            const float slope = weight * (d_weight - dot) * scale;
            for (size_t w = 0; w < width; ++w) {
                r.dq[q_at + w] = std::fma(slope, p.k[at + w], r.dq[q_at + w]);
                r.dk[at + w] = std::fma(slope, p.q[q_at + w], r.dk[at + w]);
                r.dv[at + w] = std::fma(weight, p.d_out[q_at + w], r.dv[at + w]);
            }
        }
    }

    void run() {
        const AttentionShape& s = p.shape;
        scale = 1.0F / std::sqrt(static_cast<float>(s.head_width));
        std::fill(r.dk.begin(), r.dk.end(), 0.0F);
        std::fill(r.dv.begin(), r.dv.end(), 0.0F);
        for (size_t index = 0; index < s.sequences * s.heads; ++index) {
            const size_t first = index / s.heads * s.tokens;
            const size_t head = index % s.heads;
            const size_t kv_head = head / (s.heads / s.kv_heads);
            const size_t kv_at = first * p.kv_width() + kv_head * s.head_width;
            for (size_t i = 0; i < s.tokens; ++i) {
                const size_t q_at = (first + i) * p.q_width() + head * s.head_width;
                forward(index * s.tokens + i, q_at, kv_at, i + 1);
                backward(index * s.tokens + i, q_at, kv_at, i + 1);
            }
        }
    }
};

std::vector<float> plain(const Problem& p) {
    Plain plain{p, room_for(p)};
    plain.run();
    return all_of(plain.r);
}

void require_plain_bits(const AttentionShape& shape, Inputs inputs) {
    INFO("B " << shape.sequences << " T " << shape.tokens << " H " << shape.heads << " K "
              << shape.kv_heads << " W " << shape.head_width << ", inputs "
              << static_cast<int>(inputs));
    const Problem p = problem_of(shape, inputs, shape.tokens);
    const std::vector<float> expected = plain(p);
    for (const KernelPath path : available_kernel_paths()) {
        const ForcedKernelPath forced(path);
        for (const int threads : {1, 2, 3}) {
            INFO(kernel_path_name(path) << " kernels, " << threads << " threads");
            ThreadPool pool(threads);
            require_same(all_of(run_both(pool, p)), expected);
        }
    }
}

}  // namespace

TEST_CASE("attention has the bits of its specification on every path", "[attention]") {
    for (const Inputs inputs : tested_inputs()) {
        for (const size_t tokens : {1U, 2U, 15U, 16U, 17U, 31U, 32U, 33U, 63U, 64U, 65U, 97U}) {
            require_plain_bits({2, tokens, 2, 1, 16}, inputs);
        }
        for (const size_t width : {2U, 6U, 8U, 24U, 40U, 64U, 72U, 80U, 96U, 128U}) {
            require_plain_bits({1, 35, 2, 2, width}, inputs);
        }
        require_plain_bits({3, 21, 6, 2, 8}, inputs);
        require_plain_bits({1, 50, 3, 1, 32}, inputs);
        require_plain_bits({0, 5, 2, 1, 8}, inputs);
        require_plain_bits({5, 0, 2, 1, 8}, inputs);
    }
}

TEST_CASE("attention split into tiles of keys and queries has the same bits", "[attention]") {
    for (const Inputs inputs : {Inputs::kPlain, Inputs::kHostile}) {
        require_plain_bits({1, 300, 2, 1, 16}, inputs);
        require_plain_bits({1, 257, 3, 3, 8}, inputs);
        require_plain_bits({2, 200, 2, 2, 16}, inputs);
    }
}

TEST_CASE("attention at the edges of blocks and chunks, with hostile values", "[attention]") {
    for (const size_t tokens : {95U, 96U, 97U, 127U, 128U, 129U, 255U, 256U}) {
        require_plain_bits({1, tokens, 1, 1, 4}, Inputs::kSparse);
    }
    for (const size_t width : {130U, 192U}) {
        require_plain_bits({1, 33, 1, 1, width}, Inputs::kSparse);
        require_plain_bits({1, 17, 1, 1, width}, Inputs::kHostile);
    }
    for (const Inputs inputs : {Inputs::kWide, Inputs::kBits}) {
        require_plain_bits({1, 257, 1, 1, 4}, inputs);
    }
}

TEST_CASE("a single query has the bits of its row in the forward pass", "[attention]") {
    ThreadPool pool(2);
    for (const KernelPath path : available_kernel_paths()) {
        const ForcedKernelPath forced(path);
        for (const Inputs inputs : tested_inputs()) {
            for (const size_t width : {2U, 8U, 40U, 64U, 96U, 128U}) {
                const Problem p = problem_of({1, 133, 4, 2, width}, inputs, width);
                const Results all = run_both(pool, p);
                for (size_t i = 0; i < p.shape.tokens; ++i) {
                    INFO(kernel_path_name(path) << " kernels, position " << i << ", W " << width);
                    const size_t at = i * p.q_width();
                    std::vector<float> out(p.q_width());
                    attention_single(
                        pool, p.shape, i + 1, p.q.data() + at, p.k.data(), p.v.data(), out.data());
                    const auto row = all.out.begin() + static_cast<ptrdiff_t>(at);
                    require_same(out, {row, row + static_cast<ptrdiff_t>(out.size())});
                }
            }
        }
    }
}

namespace {

// The same in double: the loss is the sum of out * d_out.
struct Exact {
    AttentionShape shape;
    std::vector<double> q, k, v, d_out;

    [[nodiscard]] std::vector<double> output() const {
        const size_t q_width = shape.heads * shape.head_width;
        const size_t kv_width = shape.kv_heads * shape.head_width;
        std::vector<double> out(q.size());
        for (size_t at = 0; at < q.size(); at += shape.head_width) {
            const size_t row = at / q_width;
            const size_t head = at % q_width / shape.head_width;
            const size_t first = row / shape.tokens * shape.tokens;
            const size_t kv =
                first * kv_width + head / (shape.heads / shape.kv_heads) * shape.head_width;
            std::vector<double> powers;
            double sum = 0;
            for (size_t j = 0; j <= row - first; ++j) {
                double score = 0;
                for (size_t w = 0; w < shape.head_width; ++w) {
                    score += q[at + w] * k[kv + j * kv_width + w];
                }
                powers.push_back(
                    std::exp(score / std::sqrt(static_cast<double>(shape.head_width))));
                sum += powers.back();
            }
            for (size_t j = 0; j < powers.size(); ++j) {
                for (size_t w = 0; w < shape.head_width; ++w) {
                    out[at + w] += powers[j] / sum * v[kv + j * kv_width + w];
                }
            }
        }
        return out;
    }
    [[nodiscard]] double loss() const {
        const std::vector<double> out = output();
        double sum = 0;
        for (size_t i = 0; i < out.size(); ++i) {
            sum += out[i] * d_out[i];
        }
        return sum;
    }
};

Exact exact_of(const Problem& p) {
    return {p.shape,
            {p.q.begin(), p.q.end()},
            {p.k.begin(), p.k.end()},
            {p.v.begin(), p.v.end()},
            {p.d_out.begin(), p.d_out.end()}};
}

void require_slopes(std::vector<double>& at, const std::vector<float>& slopes, const Exact& exact) {
    for (size_t i = 0; i < at.size(); ++i) {
        const double slope = finite_difference(at[i], [&] { return exact.loss(); });
        REQUIRE(static_cast<double>(slopes[i]) == Approx(slope).margin(2e-6).epsilon(2e-6));
    }
}

}  // namespace

TEST_CASE("attention follows double precision", "[attention][double]") {
    ThreadPool pool(2);
    const Problem p = problem_of({2, 150, 4, 2, 64}, Inputs::kPlain, 5);
    const std::vector<double> exact = exact_of(p).output();
    const Results r = run_both(pool, p);
    double error = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
        error = std::max(error, std::abs(static_cast<double>(r.out[i]) - exact[i]));
    }
    std::cout << "attention: |out - double| <= " << error << " for |v| <= 1\n";
    REQUIRE(error < 1e-6);
}

TEST_CASE("the gradients of attention are the slopes of its output", "[attention][double]") {
    ThreadPool pool(1);
    const Problem p = problem_of({2, 19, 4, 2, 8}, Inputs::kPlain, 9);
    Exact exact = exact_of(p);
    const Results r = run_both(pool, p);
    require_slopes(exact.q, r.dq, exact);
    require_slopes(exact.k, r.dk, exact);
    require_slopes(exact.v, r.dv, exact);
}

}  // namespace assay
