// What training, verification and aggregation need of a network: losses and gradients at a point.
//
// Implemented by the decoder on the exact kernels (model/exact_llama.h), by the Llama on libtorch
// (llama/llama.h) and by toy models of simulation and tests. Free of libtorch, so that everything
// above it builds and is tested without it. An object belongs to one thread at a time.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/thread_pool.h"
#include "protocol/layout.h"

namespace assay {

// `sequences` rows of T + 1 tokens: inputs are the first T, targets the last T.
struct TokenBatch {
    uint32_t sequences = 0;
    uint32_t sequence_tokens = 0;  // T
    std::vector<int32_t> tokens;   // (sequences, T + 1), row-major

    [[nodiscard]] uint64_t target_count() const { return uint64_t{sequences} * sequence_tokens; }
};

struct StepGradient {
    float mean_loss = 0;                 // nats per token over the batch: fp64 sum, in order
    std::vector<float> sequence_losses;  // mean nats per token of each sequence
};

class GradientModel {
public:
    virtual ~GradientModel() = default;

    // The order of all flat buffers; it never changes.
    [[nodiscard]] virtual const ParameterLayout& layout() const = 0;

    // Writes the gradient of the mean loss into `gradient` (layout order, padding zero), unclipped:
    // the left-to-right fp32 sum over grains of `grain_sequences` sequences, each grain an unbroken
    // chain from zero with loss scale 1 / (tokens of the whole batch).
    // REQUIRES: theta and gradient have layout().value_count() values; grain_sequences > 0.
    virtual StepGradient gradient(std::span<const float> theta,
                                  const TokenBatch& batch,
                                  uint32_t grain_sequences,
                                  std::span<float> gradient) = 0;

    // The model's threads, for the work around it (optimiser, norms, roots): one by default. For
    // the thread that owns the model.
    virtual ThreadPool& pool();

    // Mean nats per token of each sequence, without gradients.
    virtual std::vector<float> losses(std::span<const float> theta, const TokenBatch& batch) = 0;
};

}  // namespace assay
