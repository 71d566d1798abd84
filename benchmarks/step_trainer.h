// What the benchmarks of whole training steps train: a case, its batch, and a trainer in class
// exact that steps as a peer does.

#pragma once

#include <memory>
#include <string>

#include "kernels/staggered_buffers.h"
#include "model/gradient_model.h"
#include "model/inner_loop.h"
#include "model/shape.h"

namespace assay {

inline constexpr double kBenchRate = 3e-4;

struct StepCase {
    std::string name;
    ModelShape shape;
    uint32_t sequences = 8;
    uint32_t sequence_tokens = 256;

    [[nodiscard]] double tokens() const { return double{1} * sequences * sequence_tokens; }
    // Relative to other cases: what a step costs.
    [[nodiscard]] double work() const;
    [[nodiscard]] std::string describe() const;
};

// "step_d<width>": heads of 64, a vocabulary of 8192, 8 sequences of 256 tokens; tiny: far less.
StepCase step_case(int64_t width, int64_t layers, bool tiny);

// Random tokens from a fixed seed: losses stay near log(vocab), times do not depend on them.
TokenBatch made_batch(const StepCase& one);

// Gradient, clip, AdamW; and with `roots` the chain of its states. One thread owns it.
class ExactTrainer {
public:
    // Fails where the shape is none that class exact can train.
    static Result<std::unique_ptr<ExactTrainer>> make(const StepCase& one, int threads);
    ExactTrainer(const StepCase& one, std::unique_ptr<GradientModel> model);

    // Always the same batch. Fails where loss or gradient is no longer finite.
    Status step(bool roots);
    [[nodiscard]] float loss() const { return loss_; }

private:
    [[nodiscard]] InnerSpans spans() { return {buffers_[0], buffers_[1], buffers_[2]}; }

    std::unique_ptr<GradientModel> model_;
    TokenBatch batch_;
    AdamSettings adam_;
    InnerPlan plan_;
    StaggeredBuffers buffers_;  // theta, m, v, g
    float loss_ = 0;
    Digest theta_root_;
    Digest g_root_;
};

}  // namespace assay
