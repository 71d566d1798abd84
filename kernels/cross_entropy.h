// Softmax cross-entropy of rows of logits: the losses, and the gradient in the logits' place.
//
// The product with the head is not here: the caller makes logits for a block of rows at a time and
// turns them into gradients at once, so that they never exist whole.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/thread_pool.h"

namespace assay {

// losses[r] = ln(sum_j e^(x_j - max)) - (x_target - max), nats. REQUIRES: targets in [0, vocab).
void cross_entropy_losses(ThreadPool& pool,
                          std::span<const int32_t> targets,
                          size_t vocab,
                          const float* logits,
                          float* losses);

// The same losses (the same bits), and logits[r][j] <- (softmax_j - [j = target]) * scale.
void cross_entropy_backward(ThreadPool& pool,
                            std::span<const int32_t> targets,
                            size_t vocab,
                            float scale,
                            float* logits,
                            float* losses);

}  // namespace assay
