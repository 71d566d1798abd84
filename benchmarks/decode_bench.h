// Decoding of one sequence against what memory allows.

#pragma once

#include "benchmarks/bench.h"

namespace assay {

// Rows decode and decode_2_threads.
Result<std::vector<BenchRow>> decode_rows(const BenchOptions& options);

}  // namespace assay
