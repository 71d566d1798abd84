// The Llama-style decoder on the exact kernels: gradients with the same bits on every CPU.
//
// Numeric class `exact`. Forward and backward are written out over kernels/ (docs/
// exact-arithmetic.md), so that this needs neither libtorch nor autograd. An object belongs to one
// thread at a time and has a thread pool of its own.

#pragma once

#include <memory>

#include "core/result.h"
#include "model/gradient_model.h"
#include "model/shape.h"

namespace assay {

struct ExactOptions {
    int threads = 1;
    // Keep one residual stream a layer and run the layer's forward pass again in the backward one:
    // a third more time, the same bits.
    bool recompute_layers = false;
};

// Memory beside theta, g, m and v while a grain is worked on, in fp32 values: about 2 D + 2 Q + 2 K
// + 2 F a layer and token (docs/exact-arithmetic.md, "The decoder").
uint64_t activation_values(const ModelShape& shape, uint64_t grain_tokens, bool recompute_layers);

// Fails where check_shape does. Memory grows with the first batch and stays.
Result<std::unique_ptr<GradientModel>> make_exact_llama(const ModelShape& shape,
                                                        const ExactOptions& options);

}  // namespace assay
