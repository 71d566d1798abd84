#include "llama/llama.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/grad_mode.h>

#include <algorithm>

#include "core/check.h"
#include "llama/network.h"

namespace assay {

namespace {

// What the caller promises (model/gradient_model.h); data/ has checked the tokens of its shards.
void check_batch(const ModelShape& shape, const TokenBatch& batch, size_t values, size_t wanted) {
    ASSAY_CHECK_EQ(values, wanted);
    ASSAY_CHECK(batch.sequences > 0 && batch.sequence_tokens > 0);
    ASSAY_CHECK_EQ(batch.tokens.size(), batch.target_count() + batch.sequences);
    const auto known = [&](int32_t token) { return token >= 0 && token < shape.vocab; };
    ASSAY_CHECK(std::all_of(batch.tokens.begin(), batch.tokens.end(), known));
}

// tokens of sequences [first, first + count): inputs and targets, (count, T) each
struct GrainTokens {
    at::Tensor inputs;
    at::Tensor targets;
};

GrainTokens grain_tokens(const TokenBatch& batch, int64_t first, int64_t count) {
    const int64_t row = int64_t{batch.sequence_tokens} + 1;
    const at::Tensor rows =
        at::from_blob(
            const_cast<int32_t*>(batch.tokens.data() + first * row), {count, row}, at::kInt)
            .to(at::kLong);
    return {rows.narrow(1, 0, row - 1).contiguous(), rows.narrow(1, 1, row - 1).contiguous()};
}

class Llama : public GradientModel {
public:
    Llama(const ModelShape& shape, NumericClass numeric_class, int threads)
        : shape_(shape),
          numeric_class_(numeric_class),
          layout_(llama_layout(shape)),
          pool_(threads) {}

    [[nodiscard]] const ParameterLayout& layout() const override { return layout_; }
    // Beside libtorch's own threads: these sleep while its operators run, and the other way round.
    ThreadPool& pool() override { return pool_; }

    StepGradient gradient(std::span<const float> theta,
                          const TokenBatch& batch,
                          uint32_t grain_sequences,
                          std::span<float> gradient) override {
        check_batch(shape_, batch, theta.size(), layout_.value_count());
        ASSAY_CHECK(gradient.size() == theta.size() && grain_sequences > 0);
        std::fill(gradient.begin(), gradient.end(), 0.0F);
        StepGradient step;
        const int64_t sequences = batch.sequences;
        const auto grain = static_cast<int64_t>(grain_sequences);
        for (int64_t first = 0; first < sequences; first += grain) {
            add_grain(theta, batch, first, std::min(grain, sequences - first), step, gradient);
        }
        step.mean_loss = mean_of(step.sequence_losses);
        return step;
    }

    std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) override {
        check_batch(shape_, batch, theta.size(), layout_.value_count());
        const at::NoGradGuard no_grad;
        const Network network(shape_, leaves(theta, false), numeric_class_);
        std::vector<float> all;
        constexpr int64_t kAtOnce = 8;  // bounds the logits that exist at a time
        for (int64_t first = 0; first < batch.sequences; first += kAtOnce) {
            const int64_t count = std::min<int64_t>(kAtOnce, batch.sequences - first);
            append(all, sequence_losses(network, grain_tokens(batch, first, count)));
        }
        return all;
    }

private:
    [[nodiscard]] std::vector<at::Tensor> leaves(std::span<const float> theta,
                                                 bool with_gradient) const {
        const at::Tensor flat =
            at::from_blob(const_cast<float*>(theta.data()), {static_cast<int64_t>(theta.size())});
        std::vector<at::Tensor> views = tensor_views(layout_, flat);
        for (at::Tensor& view : views) {
            view = view.detach().requires_grad_(with_gradient);
        }
        return views;
    }

    // Mean nats per token of each sequence, (count).
    [[nodiscard]] at::Tensor sequence_losses(const Network& network,
                                             const GrainTokens& tokens) const {
        const int64_t count = tokens.inputs.size(0);
        const int64_t length = tokens.inputs.size(1);
        const RotaryTable rotary = rotary_table(shape_, length);
        const at::Tensor hidden = network.hidden(tokens.inputs, rotary);
        const at::Tensor logits = network.logits(hidden.reshape({count * length, -1}));
        const at::Tensor each =
            at::cross_entropy_loss(logits, tokens.targets.reshape({-1}), {}, at::Reduction::None);
        return each.view({count, length}).mean(1);
    }

    static void append(std::vector<float>& all, const at::Tensor& losses) {
        const at::Tensor flat = losses.detach().contiguous();
        const float* data = flat.const_data_ptr<float>();
        all.insert(all.end(), data, data + flat.numel());
    }

    // All sequences have the same length: the mean over tokens is the mean over sequences.
    static float mean_of(const std::vector<float>& losses) {
        double sum = 0;
        for (const float loss : losses) {
            sum += loss;
        }
        return static_cast<float>(sum / static_cast<double>(losses.size()));
    }

    void add_grain(std::span<const float> theta,
                   const TokenBatch& batch,
                   int64_t first,
                   int64_t count,
                   StepGradient& step,
                   std::span<float> gradient) const {
        const at::AutoGradMode with_gradient(true);
        const std::vector<at::Tensor> parameters = leaves(theta, true);
        const Network network(shape_, parameters, numeric_class_);
        const at::Tensor losses = sequence_losses(network, grain_tokens(batch, first, count));
        append(step.sequence_losses, losses);
        const at::Tensor scaled = losses.sum() / static_cast<double>(batch.sequences);
        const std::vector<at::Tensor> gradients = torch::autograd::grad({scaled}, parameters);
        for (size_t i = 0; i < gradients.size(); ++i) {
            const at::Tensor flat = gradients[i].contiguous();
            const float* from = flat.const_data_ptr<float>();
            float* to = gradient.data() + layout_.tensors[i].first_value();
            for (int64_t j = 0; j < flat.numel(); ++j) {
                to[j] += from[j];
            }
        }
    }

    ModelShape shape_;
    NumericClass numeric_class_;
    ParameterLayout layout_;
    ThreadPool pool_;
};

}  // namespace

void set_model_threads(int threads) {
    // Steps free and ask for the same memory again: give none of it back to the system in between.
    constexpr int kMebibyte = 1 << 20;
    ::mallopt(M_MMAP_THRESHOLD, 32 * kMebibyte);
    ::mallopt(M_TRIM_THRESHOLD, 256 * kMebibyte);
    ::mallopt(M_TOP_PAD, 16 * kMebibyte);
    at::set_num_threads(threads);
}

Result<std::unique_ptr<GradientModel>> make_llama(const ModelShape& shape,
                                                  NumericClass numeric_class,
                                                  const ExactOptions& options) {
    if (numeric_class == NumericClass::kExact) {
        return make_exact_llama(shape, options);
    }
    if (Status fits = check_shape(shape); !fits) {
        return fits.error();
    }
    if (options.recompute_layers) {
        return fail("only the numeric class exact recomputes layers");
    }
    set_model_threads(options.threads);
    return std::unique_ptr<GradientModel>(
        std::make_unique<Llama>(shape, numeric_class, options.threads));
}

}  // namespace assay
