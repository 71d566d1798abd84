// One function a file of benchmarks: what it adds to the list.

#pragma once

#include "benchmarks/bench.h"

namespace assay {

Bench hash_bench();
Bench adamw_bench();
Bench compression_bench();
Bench train_bench();

}  // namespace assay
