// One function a study: what it adds to the list. A study asks which settings are best, by training
// or by counting; the product's benchmarks (benchmarks/) ask how fast the product is.

#pragma once

#include "benchmarks/bench.h"

namespace assay {

// Nothing is trained before the entry's own function is called.
Bench strategies_bench();
Bench strategies_grid_bench();
Bench format_bench();
Bench format_loss_bench();

// All studies, in the order of the list.
const std::vector<Bench>& all_studies();

}  // namespace assay
