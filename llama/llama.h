// The Llama-style decoder on libtorch, behind the GradientModel interface.
//
// This header is free of libtorch, as all of llama/ but network.h. An object belongs to one thread
// at a time. The number of threads is a property of the process.

#pragma once

#include <memory>

#include "core/result.h"
#include "model/gradient_model.h"
#include "model/shape.h"
#include "protocol/messages.h"

namespace assay {

// Fails where this machine or build has no such class. Class fp32 runs stock CPU operators.
Result<std::unique_ptr<GradientModel>> make_llama(const ModelShape& shape,
                                                  NumericClass numeric_class,
                                                  int threads);

// Threads of all tensor work in this process, and how its memory is kept. To be called before the
// first of it.
void set_model_threads(int threads);

}  // namespace assay
