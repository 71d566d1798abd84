// A peer's training with its gradient chain against the same steps in a bare libtorch loop.

#include <atomic>
#include <bit>
#include <cstdio>

#include "benchmarks/all_benches.h"
#include "core/merkle.h"
#include "core/rng.h"
#include "kernels/adamw.h"
#include "llama/bare_trainer.h"
#include "llama/llama.h"
#include "model/inner_loop.h"

namespace assay {

namespace {

constexpr double kLearningRate = 1e-3;

TokenBatch made_batch(const ModelShape& shape, uint32_t sequences, uint32_t tokens, uint64_t step) {
    CounterRng rng(derive_seed(Digest{}, "tokens", {step}));
    TokenBatch batch;
    batch.sequences = sequences;
    batch.sequence_tokens = tokens;
    batch.tokens.resize(size_t{sequences} * (tokens + 1));
    for (int32_t& token : batch.tokens) {
        token = static_cast<int32_t>(rng.below(static_cast<uint64_t>(shape.vocab)));
    }
    return batch;
}

InnerPlan plan_of(uint32_t steps, uint32_t grain) {
    InnerPlan plan;
    plan.steps = steps;
    plan.grain_sequences = grain;
    plan.learning_rate_bits.assign(steps,
                                   std::bit_cast<uint32_t>(static_cast<float>(kLearningRate)));
    const BiasTable table = bias_table(0.9, 0.95);
    plan.bias1_bits = table.bias1_bits;
    plan.bias2_bits = table.bias2_bits;
    return plan;
}

struct TrainCase {
    ModelShape shape;
    uint32_t sequences = 4;
    uint32_t tokens = 128;
    uint32_t steps = 12;
    uint32_t grain = 1;
};

// Roots of theta, g and v each step, as a peer commits them.
Digest train_with_chain(GradientModel& model, const TrainCase& one, const InnerState& start) {
    InnerLoop loop(model, AdamSettings{}, plan_of(one.steps, one.grain), start);
    Digest root;
    const std::atomic<bool> cancel{false};
    const auto batch_of = [&one](uint32_t step) -> Result<TokenBatch> {
        return made_batch(one.shape, one.sequences, one.tokens, step);
    };
    const auto hook = [&root](const InnerStep& step) -> Status {
        root = tiles_root(step.theta);
        (void)tiles_root(step.g);
        (void)tiles_root(step.v);
        return {};
    };
    (void)loop.run(batch_of, hook, cancel);
    return root;
}

Result<std::vector<BenchRow>> run_case(const BenchOptions& options, const TrainCase& one) {
    Result<std::unique_ptr<GradientModel>> model =
        make_llama(one.shape, NumericClass::kFp32, options.threads);
    if (!model) {
        return model.error();
    }
    const std::vector<float> theta = initial_parameters(one.shape, derive_seed(Digest{}, "bench"));
    const InnerState start{
        theta, std::vector<float>(theta.size()), std::vector<float>(theta.size())};
    Digest root;
    const Alternating time = time_alternating(
        options.repetitions,
        [&] { root = train_with_chain(**model, one, start); },
        [&] {
            BareTrainer trainer(one.shape, theta, options.threads);
            for (uint32_t step = 0; step < one.steps; ++step) {
                trainer.step(made_batch(one.shape, one.sequences, one.tokens, step), kLearningRate);
            }
        });
    const double tokens = static_cast<double>(one.steps) * one.sequences * one.tokens;
    return std::vector<BenchRow>{{"peer_grain" + std::to_string(one.grain),
                                  tokens / time.first_min,
                                  "tokens/s",
                                  "bare libtorch loop, fused AdamW",
                                  time.second_min / time.first_min,
                                  options.threads,
                                  "theta before the last step " + root.brief()}};
}

Result<std::vector<BenchRow>> run_train(const BenchOptions& options) {
    std::vector<BenchRow> rows;
    for (const uint32_t grain : {1U, 2U, 4U}) {
        TrainCase one;
        one.grain = grain;
        if (options.tiny) {
            one.shape.layers = 1;
            one.steps = 2;
            one.tokens = 16;
        }
        Result<std::vector<BenchRow>> more = run_case(options, one);
        if (!more) {
            return more;
        }
        rows.insert(rows.end(), more->begin(), more->end());
    }
    return rows;
}

}  // namespace

Bench train_bench() {
    return {"train",
            "A peer's training with its gradient chain against a bare libtorch loop",
            run_train};
}

}  // namespace assay
