// Peak memory of a training step in class exact and in stock libtorch.

#pragma once

#include "benchmarks/bench.h"
#include "benchmarks/step_trainer.h"

namespace assay {

// Row step_memory, in child processes. REQUIRES: this process has not started a thread.
Result<BenchRow> memory_row(const BenchOptions& options, const StepCase& one);

}  // namespace assay
