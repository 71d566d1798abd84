#include "model/decoder.h"

#include <algorithm>
#include <map>

#include "core/check.h"
#include "kernels/attention.h"
#include "kernels/float_buffer.h"
#include "kernels/rotary.h"
#include "model/exact_layers.h"

namespace assay {

namespace {

constexpr size_t kRowsHeld = 16;  // of logits, where every position of a prompt is asked for

// Keys and values of one layer for all earlier positions, (length, K) each.
struct Cache {
    std::vector<float> keys;
    std::vector<float> values;

    void append(size_t count, const float* k, const float* v) {
        keys.insert(keys.end(), k, k + count);
        values.insert(values.end(), v, v + count);
    }
};

struct Sequence {
    std::vector<Cache> caches;
    size_t length = 0;
};

}  // namespace

struct Decoder::State {
    State(const ModelShape& s, std::span<const float> weights, int threads)
        : shape(s),
          sizes(layer_sizes(s)),
          pool(threads),
          rotary(make_rotary_tables(
              static_cast<size_t>(s.context), static_cast<size_t>(s.head_width), s.rope_theta)) {
        const ParameterLayout layout = llama_layout(shape);
        ASSAY_CHECK_EQ(weights.size(), layout.value_count());
        const auto tensors = model_tensors(shape, layout, weights.data());
        const auto d = sizes.width;
        const auto vocab = static_cast<size_t>(shape.vocab);
        for (const LayerTensors<const float>& layer : tensors.layers) {
            LayerWeights<PackedMatrix> packed = layer_weights<PackedMatrix>(sizes, layer);
            packed.attention_norm = keep(layer.attention_norm, d);
            packed.ffn_norm = keep(layer.ffn_norm, d);
            layers.push_back(std::move(packed));
        }
        final_norm = keep(tensors.final_norm, d);
        head = PackedMatrix(tensors.head, vocab, d);
        if (!shape.tied) {
            embedding = keep(tensors.embedding, vocab * d);
        }
    }

    const float* keep(const float* values, size_t count) {
        return kept.emplace_back(values, values + count).data();
    }

    void embed(std::span<const int32_t> tokens, float* x) const {
        for (size_t i = 0; i < tokens.size(); ++i) {
            ASSAY_CHECK(tokens[i] >= 0 && tokens[i] < shape.vocab);
            const auto token = static_cast<size_t>(tokens[i]);
            float* row = x + i * sizes.width;
            if (embedding == nullptr) {
                head.copy_row(token, row);
            } else {
                std::copy_n(embedding + token * sizes.width, sizes.width, row);
            }
        }
    }

    // Room for `rows` rows of everything; x stands in `stream`.
    void reserve(size_t rows) {
        LayerActivations& a = activations;
        a.normed = buffers[0].reserve(rows * sizes.width);
        a.attention_rms = buffers[1].reserve(rows);
        a.q = buffers[2].reserve(rows * sizes.query);
        a.k = buffers[3].reserve(rows * sizes.key);
        a.v = buffers[4].reserve(rows * sizes.key);
        a.mixed = buffers[5].reserve(rows * sizes.query);
        a.middle = buffers[6].reserve(rows * sizes.width);
        a.ffn_rms = buffers[7].reserve(rows);
        a.gate = buffers[8].reserve(rows * sizes.ffn);
        a.up = buffers[9].reserve(rows * sizes.ffn);
        a.inner = a.gate;
        stream = buffers[10].reserve(rows * sizes.width);
        const size_t statistics_of = rows * static_cast<size_t>(shape.heads);
        statistics.row_max = buffers[11].reserve(statistics_of);
        statistics.row_sum = buffers[12].reserve(statistics_of);
    }

    // All layers over the rows that stand in `stream`. mix(layer, q, k, v, mixed).
    template <class Mix>
    void run_layers(size_t rows, const Mix& mix) {
        for (size_t i = 0; i < layers.size(); ++i) {
            const auto mix_here = [&](float* q, float* k, const float* v, float* mixed) {
                mix(i, q, k, v, mixed);
            };
            layer_forward(pool, sizes, layers[i], rows, stream, activations, stream, mix_here);
        }
    }

    // Logits of `rows` rows of the stream from `first` on, (rows, vocab).
    std::vector<float> logits(size_t first, size_t rows) {
        rms_norm_forward(pool,
                         rows,
                         sizes.width,
                         stream + first * sizes.width,
                         final_norm,
                         sizes.norm_epsilon,
                         activations.normed,
                         activations.attention_rms);
        std::vector<float> all(rows * static_cast<size_t>(shape.vocab));
        packed_gemm(pool, rows, activations.normed, head, all.data());
        return all;
    }

    void run_prompt(std::span<const int32_t> tokens, Sequence* sequence) {
        const size_t rows = tokens.size();
        reserve(rows);
        embed(tokens, stream);
        const AttentionShape attention = attention_shape(rows);
        run_layers(rows, [&](size_t layer, float* q, float* k, const float* v, float* mixed) {
            rotate(pool, rotary, rows, rows, attention.heads, 0, q);
            rotate(pool, rotary, rows, rows, attention.kv_heads, 0, k);
            attention_forward(pool, attention, q, k, v, mixed, statistics);
            if (sequence != nullptr) {
                sequence->caches[layer].append(rows * sizes.key, k, v);
            }
        });
    }

    void run_tokens(const std::vector<Sequence*>& at, std::span<const int32_t> tokens) {
        reserve(tokens.size());
        embed(tokens, stream);
        const AttentionShape attention = attention_shape(1);
        run_layers(tokens.size(),
                   [&](size_t layer, float* q, float* k, const float* v, float* mixed) {
                       for (size_t i = 0; i < at.size(); ++i) {
                           float* qi = q + i * sizes.query;
                           float* ki = k + i * sizes.key;
                           const size_t position = at[i]->length;
                           rotate(pool, rotary, 1, 1, attention.heads, position, qi);
                           rotate(pool, rotary, 1, 1, attention.kv_heads, position, ki);
                           Cache& cache = at[i]->caches[layer];
                           cache.append(sizes.key, ki, v + i * sizes.key);
                           attention_single(pool,
                                            attention,
                                            position + 1,
                                            qi,
                                            cache.keys.data(),
                                            cache.values.data(),
                                            mixed + i * sizes.query);
                       }
                   });
    }

    [[nodiscard]] AttentionShape attention_shape(size_t tokens) const {
        return {1,
                tokens,
                static_cast<size_t>(shape.heads),
                static_cast<size_t>(shape.kv_heads),
                static_cast<size_t>(shape.head_width)};
    }

    ModelShape shape;
    LayerSizes sizes;
    ThreadPool pool;
    RotaryTables rotary;
    std::vector<std::vector<float>> kept;
    std::vector<LayerWeights<PackedMatrix>> layers;
    const float* final_norm = nullptr;
    PackedMatrix head;
    const float* embedding = nullptr;  // null where it is the head's matrix
    FloatBuffer buffers[13];
    LayerActivations activations;
    AttentionStatistics statistics;
    float* stream = nullptr;
    std::map<uint64_t, Sequence> sequences;
    uint64_t next = 1;
};

Decoder::Decoder(const ModelShape& shape, std::span<const float> weights, int threads)
    : state_(std::make_unique<State>(shape, weights, threads)) {}

Decoder::~Decoder() = default;

const ModelShape& Decoder::shape() const {
    return state_->shape;
}

uint64_t Decoder::begin_sequence() {
    const uint64_t sequence = state_->next++;
    state_->sequences[sequence].caches.resize(static_cast<size_t>(state_->shape.layers));
    return sequence;
}

void Decoder::end_sequence(uint64_t sequence) {
    state_->sequences.erase(sequence);
}

std::vector<float> Decoder::prefill(uint64_t sequence,
                                    std::span<const int32_t> tokens,
                                    const OnLogits& each) {
    Sequence& one = state_->sequences.at(sequence);
    const auto context = static_cast<size_t>(state_->shape.context);
    ASSAY_CHECK(!tokens.empty() && tokens.size() <= context && one.length == 0);
    state_->run_prompt(tokens, &one);
    one.length = tokens.size();
    if (!each) {
        return state_->logits(tokens.size() - 1, 1);
    }
    const auto vocab = static_cast<size_t>(state_->shape.vocab);
    std::vector<float> some;
    for (size_t first = 0; first < tokens.size(); first += kRowsHeld) {
        some = state_->logits(first, std::min(kRowsHeld, tokens.size() - first));
        for (size_t row = 0; row * vocab < some.size(); ++row) {
            each(first + row, std::span(some).subspan(row * vocab, vocab));
        }
    }
    some.erase(some.begin(), some.end() - static_cast<std::ptrdiff_t>(vocab));
    return some;
}

std::vector<float> Decoder::prompt_logits(std::span<const int32_t> tokens) {
    const auto context = static_cast<size_t>(state_->shape.context);
    ASSAY_CHECK(!tokens.empty() && tokens.size() <= context);
    state_->run_prompt(tokens, nullptr);
    return state_->logits(0, tokens.size());
}

std::vector<std::vector<float>> Decoder::step(std::span<const uint64_t> sequences,
                                              std::span<const int32_t> tokens) {
    ASSAY_CHECK_EQ(sequences.size(), tokens.size());
    std::vector<Sequence*> at;
    for (const uint64_t sequence : sequences) {
        at.push_back(&state_->sequences.at(sequence));
        ASSAY_CHECK_LT(at.back()->length, static_cast<size_t>(state_->shape.context));
    }
    if (at.empty()) {
        return {};
    }
    // A sequence that came twice would write two positions into one place.
    std::vector<uint64_t> sorted(sequences.begin(), sequences.end());
    std::sort(sorted.begin(), sorted.end());
    ASSAY_CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
    state_->run_tokens(at, tokens);
    const std::vector<float> all = state_->logits(0, at.size());
    ASSAY_CHECK_EQ(all.size(), at.size() * static_cast<size_t>(state_->shape.vocab));
    const auto vocab = static_cast<std::ptrdiff_t>(state_->shape.vocab);
    std::vector<std::vector<float>> logits;
    for (size_t i = 0; i < at.size(); ++i) {
        ++at[i]->length;
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(i) * vocab;
        logits.emplace_back(first, first + vocab);
    }
    return logits;
}

}  // namespace assay
