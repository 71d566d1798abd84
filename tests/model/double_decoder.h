// A plain decoder in double precision, written from the formulas alone: what both implementations
// of the network are compared with. And the small things that its tests are about.

#pragma once

#include <cmath>
#include <vector>

#include "core/rng.h"
#include "model/gradient_model.h"
#include "model/shape.h"

namespace assay {

inline ModelShape tiny_shape(bool tied) {
    ModelShape shape;
    shape.vocab = 256;
    shape.width = 16;
    shape.layers = 2;
    shape.heads = 4;
    shape.kv_heads = 2;
    shape.head_width = 4;
    shape.ffn_width = 24;
    shape.context = 12;
    shape.tied = tied;
    return shape;
}

// Larger than the usual start, so that every part of the network matters.
inline std::vector<float> made_theta(const ModelShape& shape) {
    const ParameterLayout layout = llama_layout(shape);
    CounterRng rng(derive_seed(Digest{}, "theta"));
    std::vector<float> theta(layout.value_count(), 0.0F);
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t i = 0; i < tensor.live(); ++i) {
            const double center = tensor.rows == 1 ? 1.0 : 0.0;
            theta[tensor.first_value() + i] =
                static_cast<float>(center + 0.3 * (rng.unit() - 0.5) * 2);
        }
    }
    return theta;
}

inline TokenBatch made_batch(const ModelShape& shape, uint32_t sequences) {
    CounterRng rng(derive_seed(Digest{}, "tokens"));
    TokenBatch batch;
    batch.sequences = sequences;
    batch.sequence_tokens = static_cast<uint32_t>(shape.context) - 1;
    batch.tokens.resize(size_t{sequences} * static_cast<size_t>(shape.context));
    for (int32_t& token : batch.tokens) {
        token = static_cast<int32_t>(rng.below(static_cast<uint64_t>(shape.vocab)));
    }
    return batch;
}

// A plain decoder in double precision, written from the formulas alone.
class DoubleDecoder {
public:
    DoubleDecoder(const ModelShape& shape, const std::vector<float>& theta)
        : shape_(shape), layout_(llama_layout(shape)), theta_(theta) {}

    // (tokens, vocab)
    [[nodiscard]] std::vector<std::vector<double>> logits(
        const std::vector<int32_t>& tokens) const {
        std::vector<std::vector<double>> x;
        x.reserve(tokens.size());
        for (const int32_t token : tokens) {
            x.push_back(row(0, static_cast<uint64_t>(token)));
        }
        for (size_t layer = 0; layer < static_cast<size_t>(shape_.layers); ++layer) {
            attend(x, 1 + 9 * layer);
            for (std::vector<double>& one : x) {
                feed_forward(one, 1 + 9 * layer + 5);
            }
        }
        const size_t norm = 1 + 9 * static_cast<size_t>(shape_.layers);
        const size_t head = shape_.tied ? 0 : norm + 1;
        std::vector<std::vector<double>> all;
        all.reserve(x.size());
        for (const std::vector<double>& one : x) {
            all.push_back(times(head, normed(one, norm)));
        }
        return all;
    }

private:
    using Row = std::vector<double>;

    [[nodiscard]] double value(size_t tensor, uint64_t index) const {
        return theta_[layout_.tensors[tensor].first_value() + index];
    }
    [[nodiscard]] Row row(size_t tensor, uint64_t r) const {
        const uint64_t columns = layout_.tensors[tensor].columns;
        Row out(columns);
        for (uint64_t c = 0; c < columns; ++c) {
            out[c] = value(tensor, r * columns + c);
        }
        return out;
    }
    [[nodiscard]] Row times(size_t tensor, const Row& x) const {
        Row out(layout_.tensors[tensor].rows, 0.0);
        for (uint64_t r = 0; r < out.size(); ++r) {
            for (uint64_t c = 0; c < x.size(); ++c) {
                out[r] += value(tensor, r * x.size() + c) * x[c];
            }
        }
        return out;
    }
    [[nodiscard]] Row normed(const Row& x, size_t weight) const {
        double sum = 0;
        for (const double one : x) {
            sum += one * one;
        }
        const double scale =
            1 / std::sqrt(sum / static_cast<double>(x.size()) + shape_.norm_epsilon);
        Row out(x.size());
        for (size_t i = 0; i < x.size(); ++i) {
            out[i] = x[i] * scale * value(weight, i);
        }
        return out;
    }
    // Half-split rotation of one head at one position.
    void rotate(Row& x, size_t first, size_t position) const {
        const auto half = static_cast<size_t>(shape_.head_width / 2);
        for (size_t i = 0; i < half; ++i) {
            const double exponent =
                2.0 * static_cast<double>(i) / static_cast<double>(shape_.head_width);
            const double angle =
                static_cast<double>(position) / std::pow(shape_.rope_theta, exponent);
            const double a = x[first + i];
            const double b = x[first + half + i];
            x[first + i] = a * std::cos(angle) - b * std::sin(angle);
            x[first + half + i] = b * std::cos(angle) + a * std::sin(angle);
        }
    }
    void attend(std::vector<Row>& x, size_t first) const {
        const auto width = static_cast<size_t>(shape_.head_width);
        const auto heads = static_cast<size_t>(shape_.heads);
        const auto kv_heads = static_cast<size_t>(shape_.kv_heads);
        std::vector<Row> q, k, v;
        for (size_t t = 0; t < x.size(); ++t) {
            const Row y = normed(x[t], first);
            q.push_back(times(first + 1, y));
            k.push_back(times(first + 2, y));
            v.push_back(times(first + 3, y));
            for (size_t h = 0; h < heads; ++h) {
                rotate(q[t], h * width, t);
            }
            for (size_t h = 0; h < kv_heads; ++h) {
                rotate(k[t], h * width, t);
            }
        }
        for (size_t t = 0; t < x.size(); ++t) {
            Row mixed(heads * width, 0.0);
            for (size_t h = 0; h < heads; ++h) {
                mix_head(q[t], k, v, t, h * width, h / (heads / kv_heads) * width, mixed);
            }
            const Row added = times(first + 4, mixed);
            for (size_t i = 0; i < added.size(); ++i) {
                x[t][i] += added[i];
            }
        }
    }
    void mix_head(const Row& q,
                  const std::vector<Row>& k,
                  const std::vector<Row>& v,
                  size_t t,
                  size_t at,
                  size_t kv_at,
                  Row& mixed) const {
        const auto width = static_cast<size_t>(shape_.head_width);
        Row weights(t + 1);
        double sum = 0;
        for (size_t s = 0; s <= t; ++s) {
            double score = 0;
            for (size_t i = 0; i < width; ++i) {
                score += q[at + i] * k[s][kv_at + i];
            }
            weights[s] = std::exp(score / std::sqrt(static_cast<double>(width)));
            sum += weights[s];
        }
        for (size_t s = 0; s <= t; ++s) {
            for (size_t i = 0; i < width; ++i) {
                mixed[at + i] += weights[s] / sum * v[s][kv_at + i];
            }
        }
    }
    void feed_forward(Row& x, size_t first) const {
        const Row y = normed(x, first);
        const Row gate = times(first + 1, y);
        Row up = times(first + 2, y);
        for (size_t i = 0; i < up.size(); ++i) {
            up[i] *= gate[i] / (1 + std::exp(-gate[i]));
        }
        const Row added = times(first + 3, up);
        for (size_t i = 0; i < x.size(); ++i) {
            x[i] += added[i];
        }
    }

    ModelShape shape_;
    ParameterLayout layout_;
    const std::vector<float>& theta_;
};

inline double double_loss(const ModelShape& shape,
                          const std::vector<float>& theta,
                          const TokenBatch& batch) {
    const DoubleDecoder scalar(shape, theta);
    const size_t row = batch.sequence_tokens + 1;
    double sum = 0;
    for (size_t s = 0; s < batch.sequences; ++s) {
        const auto begin = batch.tokens.begin() + static_cast<std::ptrdiff_t>(s * row);
        const std::vector<int32_t> inputs(begin, begin + static_cast<std::ptrdiff_t>(row - 1));
        const auto logits = scalar.logits(inputs);
        for (size_t t = 0; t + 1 < row; ++t) {
            double norm = 0;
            for (const double logit : logits[t]) {
                norm += std::exp(logit);
            }
            sum += std::log(norm) - logits[t][static_cast<size_t>(batch.tokens[s * row + t + 1])];
        }
    }
    return sum / static_cast<double>(batch.target_count());
}

}  // namespace assay
