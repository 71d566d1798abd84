#include "model/exact_llama.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"
#include "kernels/float_buffer.h"
#include "kernels/rotary.h"
#include "model/exact_layers.h"

namespace assay {

LayerSizes layer_sizes(const ModelShape& shape) {
    LayerSizes sizes;
    sizes.width = static_cast<size_t>(shape.width);
    sizes.query = static_cast<size_t>(shape.heads * shape.head_width);
    sizes.key = static_cast<size_t>(shape.kv_heads * shape.head_width);
    sizes.ffn = static_cast<size_t>(shape.ffn_width);
    sizes.norm_epsilon = static_cast<float>(shape.norm_epsilon);
    return sizes;
}

namespace {

// Rows of logits that exist at a time.
constexpr size_t kHeadRows = 256;
// Sequences whose losses alone are computed at a time.
constexpr uint32_t kLossSequences = 8;

// Hands out consecutive pieces of one block; with a null block it only counts.
class Carver {
public:
    explicit Carver(float* block) : block_(block) {}
    float* take(size_t count) {
        constexpr size_t kLine = 16;
        float* piece = block_ == nullptr ? nullptr : block_ + used_;
        used_ += (count + kLine - 1) / kLine * kLine;
        return piece;
    }
    [[nodiscard]] size_t used() const { return used_; }

private:
    float* block_;
    size_t used_ = 0;
};

// What one layer keeps for its backward pass.
struct KeptLayer {
    float* input = nullptr;  // (N, D)
    LayerActivations values;
    AttentionStatistics statistics;
};

struct Workspace {
    std::vector<KeptLayer> layers;  // one where layers are recomputed or nothing is kept
    std::vector<float*> inputs;     // the residual stream in front of each layer, and behind all
    float* final_rms = nullptr;
    float* normed = nullptr;    // (N, D)
    float* inner = nullptr;     // (N, F)
    float* logits = nullptr;    // (kHeadRows, V)
    float* losses = nullptr;    // (N)
    float* dx = nullptr;        // (N, D): gradient of the residual stream
    float* d_normed = nullptr;  // (N, D)
    float* dq = nullptr;        // (N, Q)
    float* dk = nullptr;        // (N, K)
    float* dv = nullptr;        // (N, K)
    float* d_mixed = nullptr;   // (N, Q)
};

enum class Keep { kEverything, kInputs, kNothing };

void carve_layer(Carver& carver, const ModelShape& shape, size_t rows, KeptLayer& layer) {
    const LayerSizes sizes = layer_sizes(shape);
    LayerActivations& a = layer.values;
    a.attention_rms = carver.take(rows);
    a.q = carver.take(rows * sizes.query);
    a.k = carver.take(rows * sizes.key);
    a.v = carver.take(rows * sizes.key);
    a.mixed = carver.take(rows * sizes.query);
    a.middle = carver.take(rows * sizes.width);
    a.ffn_rms = carver.take(rows);
    a.gate = carver.take(rows * sizes.ffn);
    a.up = carver.take(rows * sizes.ffn);
    layer.statistics.row_max = carver.take(rows * static_cast<size_t>(shape.heads));
    layer.statistics.row_sum = carver.take(rows * static_cast<size_t>(shape.heads));
}

Workspace carve(Carver& carver, const ModelShape& shape, size_t rows, Keep keep) {
    const LayerSizes sizes = layer_sizes(shape);
    const auto layers = static_cast<size_t>(shape.layers);
    Workspace w;
    w.normed = carver.take(rows * sizes.width);
    w.inner = carver.take(rows * sizes.ffn);
    w.final_rms = carver.take(rows);
    w.logits = carver.take(std::min(rows, kHeadRows) * static_cast<size_t>(shape.vocab));
    w.losses = carver.take(rows);
    w.inputs.push_back(carver.take(rows * sizes.width));
    for (size_t i = 0; i < layers; ++i) {
        w.inputs.push_back(keep == Keep::kNothing ? w.inputs.front()
                                                  : carver.take(rows * sizes.width));
    }
    w.layers.resize(keep == Keep::kEverything ? layers : 1);
    for (KeptLayer& layer : w.layers) {
        carve_layer(carver, shape, rows, layer);
        layer.values.normed = w.normed;
        layer.values.inner = w.inner;
    }
    if (keep != Keep::kNothing) {
        w.dx = carver.take(rows * sizes.width);
        w.d_normed = carver.take(rows * sizes.width);
        w.dq = carver.take(rows * sizes.query);
        w.dk = carver.take(rows * sizes.key);
        w.dv = carver.take(rows * sizes.key);
        w.d_mixed = carver.take(rows * sizes.query);
    }
    return w;
}

struct Grain {
    size_t sequences = 0;
    size_t length = 0;
    std::vector<int32_t> inputs;
    std::vector<int32_t> targets;
    [[nodiscard]] size_t rows() const { return sequences * length; }
};

Grain grain_of(const TokenBatch& batch, uint32_t first, uint32_t count) {
    Grain grain;
    grain.sequences = count;
    grain.length = batch.sequence_tokens;
    const size_t row = grain.length + 1;
    for (size_t i = first; i < size_t{first} + count; ++i) {
        const auto begin = batch.tokens.begin() + static_cast<std::ptrdiff_t>(i * row);
        grain.inputs.insert(
            grain.inputs.end(), begin, begin + static_cast<std::ptrdiff_t>(row) - 1);
        grain.targets.insert(
            grain.targets.end(), begin + 1, begin + static_cast<std::ptrdiff_t>(row));
    }
    return grain;
}

float mean_of(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) {
        sum += value;
    }
    return static_cast<float>(sum / static_cast<double>(values.size()));
}

/// Values of the block that carve() cuts up.
size_t values_of(const ModelShape& shape, size_t rows, Keep keep) {
    Carver count(nullptr);
    carve(count, shape, rows, keep);
    return count.used();
}

class ExactLlama : public GradientModel {
public:
    ExactLlama(const ModelShape& shape, const ExactOptions& options)
        : shape_(shape),
          sizes_(layer_sizes(shape)),
          layout_(llama_layout(shape)),
          keep_(options.recompute_layers ? Keep::kInputs : Keep::kEverything),
          pool_(options.threads),
          rotary_(make_rotary_tables(static_cast<size_t>(shape.context),
                                     static_cast<size_t>(shape.head_width),
                                     shape.rope_theta)) {}

    [[nodiscard]] const ParameterLayout& layout() const override { return layout_; }
    ThreadPool& pool() override { return pool_; }

    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t grain_sequences,
                          std::span<float> gradient) override {
        check_batch(theta.size(), batch);
        ASSAY_CHECK(gradient.size() == theta.size() && grain_sequences > 0);
        const auto scale = static_cast<float>(1.0 / static_cast<double>(batch.target_count()));
        StepGradient step;
        for (uint32_t first = 0; first < batch.sequences; first += grain_sequences) {
            const uint32_t count = std::min(grain_sequences, batch.sequences - first);
            float* to = first == 0 ? gradient.data() : grain_gradient_.reserve(gradient.size());
            clear_sums(to);
            run_grain(theta.data(), grain_of(batch, first, count), scale, to, step.sequence_losses);
            if (first != 0) {
                add_in_place(pool_, gradient.size(), gradient.data(), to);
            }
        }
        step.mean_loss = mean_of(step.sequence_losses);
        return step;
    }

    std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) override {
        check_batch(theta.size(), batch);
        std::vector<float> all;
        for (uint32_t first = 0; first < batch.sequences; first += kLossSequences) {
            const uint32_t count = std::min(kLossSequences, batch.sequences - first);
            const Grain grain = grain_of(batch, first, count);
            const Workspace w = workspace(grain.rows(), Keep::kNothing);
            const auto tensors = model_tensors(shape_, layout_, theta.data());
            forward(tensors, grain, w);
            head_losses(tensors, grain, w);
            append_losses(grain, w, all);
        }
        return all;
    }

private:
    // What the caller promises (model/gradient_model.h); data/ has checked the tokens of its
    // shards.
    void check_batch(size_t values, const TokenBatch& batch) const {
        ASSAY_CHECK_EQ(values, layout_.value_count());
        ASSAY_CHECK(batch.sequences > 0 && batch.sequence_tokens > 0);
        ASSAY_CHECK_EQ(batch.tokens.size(), batch.target_count() + batch.sequences);
        ASSAY_CHECK(batch.sequence_tokens <= rotary_.positions);
        const auto known = [&](int32_t token) { return token >= 0 && token < shape_.vocab; };
        ASSAY_CHECK(std::all_of(batch.tokens.begin(), batch.tokens.end(), known));
    }

    Workspace workspace(size_t rows, Keep keep) {
        Carver carver(buffer_.reserve(values_of(shape_, rows, keep)));
        return carve(carver, shape_, rows, keep);
    }

    // Matrices are written by their first product; sums over rows begin with +0, as padding does.
    void clear_sums(float* gradient) const {
        for (const TensorLayout& tensor : layout_.tensors) {
            float* first = gradient + tensor.first_value();
            float* end = first + tensor.tile_count() * kTileValues;
            std::fill(tensor.rows == 1 ? first : first + tensor.live(), end, 0.0F);
        }
        if (!shape_.tied) {  // its gradient is a sum over rows alone
            std::fill_n(
                gradient + layout_.tensors[0].first_value(), layout_.tensors[0].live(), 0.0F);
        }
    }

    [[nodiscard]] AttentionShape attention_shape(const Grain& grain) const {
        return {grain.sequences,
                grain.length,
                static_cast<size_t>(shape_.heads),
                static_cast<size_t>(shape_.kv_heads),
                static_cast<size_t>(shape_.head_width)};
    }

    void run_layer(const LayerTensors<const float>& layer,
                   const Grain& grain,
                   const KeptLayer& kept,
                   const float* x,
                   float* y) {
        const AttentionShape attention = attention_shape(grain);
        const size_t rows = grain.rows();
        const auto mix = [&](float* q, float* k, const float* v, float* mixed) {
            rotate(pool_, rotary_, rows, grain.length, attention.heads, 0, q);
            rotate(pool_, rotary_, rows, grain.length, attention.kv_heads, 0, k);
            attention_forward(pool_, attention, q, k, v, mixed, kept.statistics);
        };
        layer_forward(
            pool_, sizes_, layer_weights<MatrixView>(sizes_, layer), rows, x, kept.values, y, mix);
    }

    void forward(const ModelTensors<const float>& tensors, const Grain& grain, const Workspace& w) {
        embedding_forward(pool_, grain.inputs, sizes_.width, tensors.embedding, w.inputs[0]);
        for (size_t i = 0; i < tensors.layers.size(); ++i) {
            const KeptLayer& kept = w.layers[w.layers.size() > 1 ? i : 0];
            run_layer(tensors.layers[i], grain, kept, w.inputs[i], w.inputs[i + 1]);
        }
        rms_norm_forward(pool_,
                         grain.rows(),
                         sizes_.width,
                         w.inputs.back(),
                         tensors.final_norm,
                         sizes_.norm_epsilon,
                         w.normed,
                         w.final_rms);
    }

    // body(first row, rows, their targets): logits stand in w.logits.
    template <class Body>
    void each_head_block(const ModelTensors<const float>& tensors,
                         const Grain& grain,
                         const Workspace& w,
                         const Body& body) {
        const auto vocab = static_cast<size_t>(shape_.vocab);
        for (size_t first = 0; first < grain.rows(); first += kHeadRows) {
            const size_t rows = std::min(kHeadRows, grain.rows() - first);
            product(pool_,
                    rows,
                    w.normed + first * sizes_.width,
                    MatrixView{tensors.head, vocab, sizes_.width},
                    w.logits);
            body(first, rows, std::span(grain.targets).subspan(first, rows));
        }
    }

    void head_losses(const ModelTensors<const float>& tensors,
                     const Grain& grain,
                     const Workspace& w) {
        const auto vocab = static_cast<size_t>(shape_.vocab);
        each_head_block(
            tensors, grain, w, [&](size_t first, size_t, std::span<const int32_t> targets) {
                cross_entropy_losses(pool_, targets, vocab, w.logits, w.losses + first);
            });
    }

    // Losses, d_head, and the gradient of the normed rows in w.d_normed.
    void head_backward(const ModelTensors<const float>& tensors,
                       const Grain& grain,
                       const Workspace& w,
                       float scale,
                       float* d_head) {
        const auto vocab = static_cast<size_t>(shape_.vocab);
        const size_t d = sizes_.width;
        each_head_block(
            tensors, grain, w, [&](size_t first, size_t rows, std::span<const int32_t> targets) {
                cross_entropy_backward(pool_, targets, vocab, scale, w.logits, w.losses + first);
                const float* x = w.normed + first * d;
                gemm(pool_, {GemmLayout::kTN, vocab, d, rows}, w.logits, x, d_head, first != 0);
                gemm(pool_,
                     {GemmLayout::kNN, rows, d, vocab},
                     w.logits,
                     tensors.head,
                     w.d_normed + first * d,
                     false);
            });
    }

    void append_losses(const Grain& grain, const Workspace& w, std::vector<float>& all) const {
        for (size_t i = 0; i < grain.sequences; ++i) {
            all.push_back(mean_of({w.losses + i * grain.length, grain.length}));
        }
    }

    void run_grain(const float* theta,
                   const Grain& grain,
                   float scale,
                   float* gradient,
                   std::vector<float>& losses) {
        const Workspace w = workspace(grain.rows(), keep_);
        const auto tensors = model_tensors(shape_, layout_, theta);
        const auto d = model_tensors(shape_, layout_, gradient);
        forward(tensors, grain, w);
        head_backward(tensors, grain, w, scale, d.head);
        append_losses(grain, w, losses);
        const size_t rows = grain.rows();
        std::fill_n(w.dx, rows * sizes_.width, 0.0F);
        rms_norm_backward(pool_,
                          rows,
                          sizes_.width,
                          w.inputs.back(),
                          tensors.final_norm,
                          w.final_rms,
                          w.d_normed,
                          w.dx,
                          d.final_norm);
        for (size_t i = tensors.layers.size(); i-- > 0;) {
            const KeptLayer& kept = w.layers[w.layers.size() > 1 ? i : 0];
            if (keep_ == Keep::kInputs) {  // its output is known: into scratch
                run_layer(tensors.layers[i], grain, kept, w.inputs[i], w.d_normed);
            }
            ffn_backward(tensors.layers[i], kept, rows, w, d.layers[i]);
            attention_part_backward(tensors.layers[i], kept, grain, w.inputs[i], w, d.layers[i]);
        }
        embedding_backward(pool_, grain.inputs, sizes_.width, w.dx, d.embedding);
    }

    // dw (n, k) = dy (rows, n)^T x (rows, k)
    void weight_gradient(
        size_t rows, const float* dy, const float* x, const MatrixView& w, float* dw) {
        gemm(pool_, {GemmLayout::kTN, w.n, w.k, rows}, dy, x, dw, false);
    }
    // dx (rows, k) = dy (rows, n) w (n, k)
    void input_gradient(
        size_t rows, const float* dy, const MatrixView& w, float* dx, bool accumulate) {
        gemm(pool_, {GemmLayout::kNN, rows, w.k, w.n}, dy, w.data, dx, accumulate);
    }

    void ffn_backward(const LayerTensors<const float>& layer,
                      const KeptLayer& kept,
                      size_t rows,
                      const Workspace& w,
                      const LayerTensors<float>& d) {
        const auto weights = layer_weights<MatrixView>(sizes_, layer);
        const LayerActivations& a = kept.values;
        const size_t values = rows * sizes_.ffn;
        swiglu_forward(pool_, values, a.gate, a.up, w.inner);
        weight_gradient(rows, w.dx, w.inner, weights.down, d.down);
        input_gradient(rows, w.dx, weights.down, w.inner, false);
        swiglu_backward(pool_, values, a.gate, a.up, w.inner, a.gate, a.up);
        rms_norm_forward(pool_,
                         rows,
                         sizes_.width,
                         a.middle,
                         layer.ffn_norm,
                         sizes_.norm_epsilon,
                         w.normed,
                         a.ffn_rms);
        weight_gradient(rows, a.gate, w.normed, weights.gate, d.gate);
        weight_gradient(rows, a.up, w.normed, weights.up, d.up);
        input_gradient(rows, a.gate, weights.gate, w.d_normed, false);
        input_gradient(rows, a.up, weights.up, w.d_normed, true);
        rms_norm_backward(pool_,
                          rows,
                          sizes_.width,
                          a.middle,
                          layer.ffn_norm,
                          a.ffn_rms,
                          w.d_normed,
                          w.dx,
                          d.ffn_norm);
    }

    void attention_part_backward(const LayerTensors<const float>& layer,
                                 const KeptLayer& kept,
                                 const Grain& grain,
                                 const float* input,
                                 const Workspace& w,
                                 const LayerTensors<float>& d) {
        const auto weights = layer_weights<MatrixView>(sizes_, layer);
        const LayerActivations& a = kept.values;
        const AttentionShape shape = attention_shape(grain);
        const size_t rows = grain.rows();
        weight_gradient(rows, w.dx, a.mixed, weights.o, d.o);
        input_gradient(rows, w.dx, weights.o, w.d_mixed, false);
        attention_backward(
            pool_, shape, a.q, a.k, a.v, a.mixed, w.d_mixed, kept.statistics, w.dq, w.dk, w.dv);
        rotate_back(pool_, rotary_, rows, grain.length, shape.heads, 0, w.dq);
        rotate_back(pool_, rotary_, rows, grain.length, shape.kv_heads, 0, w.dk);
        rms_norm_forward(pool_,
                         rows,
                         sizes_.width,
                         input,
                         layer.attention_norm,
                         sizes_.norm_epsilon,
                         w.normed,
                         a.attention_rms);
        weight_gradient(rows, w.dq, w.normed, weights.q, d.q);
        weight_gradient(rows, w.dk, w.normed, weights.k, d.k);
        weight_gradient(rows, w.dv, w.normed, weights.v, d.v);
        input_gradient(rows, w.dq, weights.q, w.d_normed, false);
        input_gradient(rows, w.dk, weights.k, w.d_normed, true);
        input_gradient(rows, w.dv, weights.v, w.d_normed, true);
        rms_norm_backward(pool_,
                          rows,
                          sizes_.width,
                          input,
                          layer.attention_norm,
                          a.attention_rms,
                          w.d_normed,
                          w.dx,
                          d.attention_norm);
    }

    ModelShape shape_;
    LayerSizes sizes_;
    ParameterLayout layout_;
    Keep keep_;
    ThreadPool pool_;
    RotaryTables rotary_;
    FloatBuffer buffer_;
    FloatBuffer grain_gradient_;
};

}  // namespace

uint64_t activation_values(const ModelShape& shape, uint64_t grain_tokens, bool recompute_layers) {
    return values_of(shape, grain_tokens, recompute_layers ? Keep::kInputs : Keep::kEverything);
}

Result<std::unique_ptr<GradientModel>> make_exact_llama(const ModelShape& shape,
                                                        const ExactOptions& options) {
    if (Status fits = check_shape(shape); !fits) {
        return fits.error();
    }
    return std::unique_ptr<GradientModel>(std::make_unique<ExactLlama>(shape, options));
}

}  // namespace assay
