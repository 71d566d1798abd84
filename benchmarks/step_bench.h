// Whole training steps, their memory and decoding in class exact, against stock libtorch.

#pragma once

#include "benchmarks/bench.h"

namespace assay {

// Rows step_d256, step_d512, step_d1024, step_d256_roots, scaling_2_threads, step_memory,
// step_paths, cost_t<length>, decode.
Result<std::vector<BenchRow>> step_rows(const BenchOptions& options);

}  // namespace assay
