// The Llama-style decoder behind the GradientModel interface: which implementation a numeric class
// runs on, and the one on libtorch.
//
// This header is free of libtorch, as all of llama/ but network.h. An object belongs to one thread
// at a time. The number of threads is a property of the process.

#pragma once

#include <memory>

#include "core/result.h"
#include "model/exact_llama.h"
#include "model/gradient_model.h"
#include "model/shape.h"
#include "protocol/messages.h"

namespace assay {

// Class exact runs model/exact_llama.h; the others stock CPU operators over fp32 weights, bf16 and
// tf32 with the operands of products rounded. Fails where the shape or the options do not fit.
Result<std::unique_ptr<GradientModel>> make_llama(const ModelShape& shape,
                                                  NumericClass numeric_class,
                                                  const ExactOptions& options);

// Threads of all tensor work in this process, and how its memory is kept. To be called before the
// first of it.
void set_model_threads(int threads);

}  // namespace assay
