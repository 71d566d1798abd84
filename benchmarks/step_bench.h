// Whole training steps, their memory, growth and decoding in class exact, against stock libtorch.

#pragma once

#include "benchmarks/bench.h"

namespace assay {

// Rows step_memory; step_d256, step_d512, step_d1024 and step_d256_roots, each also _2_threads;
// scaling_2_threads, scaling_2_threads_d256, step_paths, cost_t<length>, cost_d<width>, decode and
// decode_2_threads. REQUIRES: this process has not started a thread, or memory is overstated.
Result<std::vector<BenchRow>> step_rows(const BenchOptions& options);

}  // namespace assay
