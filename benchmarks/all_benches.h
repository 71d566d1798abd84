// One function a benchmark: what it adds to the list.

#pragma once

#include "benchmarks/bench.h"

namespace assay {

// Nothing is measured before the entry's own function is called.
Bench hash_bench();
Bench adamw_bench();
Bench gemm_bench();
Bench compression_bench();
Bench growth_bench();
Bench train_bench();
Bench round_bench();
Bench audit_bench();

}  // namespace assay
