#include "benchmarks/step_trainer.h"

#include <algorithm>
#include <cstring>

#include "core/rng.h"
#include "model/exact_llama.h"

namespace assay {

double StepCase::work() const {
    // Products of weights, whose number the embedding does not add to, and attention.
    const auto width = static_cast<double>(shape.width);
    const double values = static_cast<double>(llama_layout(shape).value_count()) -
                          static_cast<double>(shape.vocab) * width;
    return tokens() * (values + static_cast<double>(shape.layers) * width * sequence_tokens);
}

std::string StepCase::describe() const {
    return "d " + std::to_string(shape.width) + ", " + std::to_string(shape.layers) +
           " layers, vocabulary " + std::to_string(shape.vocab) + ", " + std::to_string(sequences) +
           " x " + std::to_string(sequence_tokens) + " tokens";
}

StepCase step_case(int64_t width, int64_t layers, bool tiny) {
    StepCase one;
    one.name = "step_d" + std::to_string(width);
    ModelShape& shape = one.shape;
    shape.vocab = 8192;
    shape.width = tiny ? 64 : width;
    shape.layers = tiny ? 1 : layers;
    shape.head_width = tiny ? 16 : 64;
    shape.heads = shape.width / shape.head_width;
    shape.kv_heads = shape.heads;
    shape.ffn_width = shape.width * 8 / 3 / 8 * 8;
    shape.context = 256;
    shape.tied = false;
    if (tiny) {
        shape.vocab = 300;
        one.sequences = 2;
        one.sequence_tokens = 32;
    }
    return one;
}

TokenBatch made_batch(const StepCase& one) {
    CounterRng rng(derive_seed(Digest{}, "bench step"));
    TokenBatch batch{one.sequences, one.sequence_tokens, {}};
    for (uint32_t i = 0; i < one.sequences * (one.sequence_tokens + 1); ++i) {
        batch.tokens.push_back(
            static_cast<int32_t>(rng.below(static_cast<uint64_t>(one.shape.vocab))));
    }
    return batch;
}

Result<std::unique_ptr<ExactTrainer>> ExactTrainer::make(const StepCase& one, int threads) {
    Result<std::unique_ptr<GradientModel>> model = make_exact_llama(one.shape, {threads, false});
    if (!model) {
        return model.error();
    }
    return std::make_unique<ExactTrainer>(one, std::move(*model));
}

ExactTrainer::ExactTrainer(const StepCase& one, std::unique_ptr<GradientModel> model)
    : model_(std::move(model)),
      batch_(made_batch(one)),
      buffers_(4, model_->layout().value_count()) {
    const std::vector<float> theta = initial_parameters(one.shape, Digest{});
    std::copy(theta.begin(), theta.end(), buffers_[0].begin());
    const auto rate = static_cast<float>(kBenchRate);
    uint32_t bits = 0;
    std::memcpy(&bits, &rate, sizeof(bits));
    plan_.steps = 1;
    plan_.grain_sequences = one.sequences;
    plan_.learning_rate_bits = {bits};
    const BiasTable bias = bias_table(adam_.beta1, adam_.beta2);
    plan_.bias1_bits = bias.bias1_bits;
    plan_.bias2_bits = bias.bias2_bits;
}

Status ExactTrainer::step(bool roots) {
    const std::span<float> g = buffers_[3];
    const Result<ClippedGradient> gradient =
        clipped_gradient(*model_, spans().theta, batch_, plan_.grain_sequences, adam_.clip, g);
    if (!gradient) {
        return gradient.error();
    }
    loss_ = gradient->losses.mean_loss;
    const Hashed hashed = roots ? Hashed::kThetaAndG : Hashed::kNothing;
    const Result<StepTiles> tiles =
        adamw_all(model_->pool(), model_->layout(), spans(), g, adam_, plan_, 0, hashed);
    if (!tiles) {
        return tiles.error();
    }
    if (roots) {
        theta_root_ = merkle_root(tiles->theta);
        g_root_ = merkle_root(tiles->g);
    }
    ++plan_.optimiser_steps_before;
    return {};
}

}  // namespace assay
