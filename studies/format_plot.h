// The rows of format_bench as a chart: bits by coding, energy lost by coding of values, energy kept
// by selection. A function of the rows alone.

#pragma once

#include <string>
#include <vector>

#include "benchmarks/bench.h"

namespace assay {

std::string format_plot(const std::vector<BenchRow>& rows);

}  // namespace assay
