// The values that format_bench judges codings by: what the compressor sees in a real training run,
// early, in the middle and late, and made values.

#pragma once

#include <string>
#include <vector>

#include "benchmarks/bench.h"
#include "studies/format_costs.h"
#include "studies/strategy_run.h"

namespace assay {

constexpr uint32_t kFormatKeep = 64;  // the default that is judged
constexpr double kFormatBeta = 0.95;

struct FormatRun {
    std::string name;  // "1M": about so many parameters
    StrategySizes sizes;
    double learning_rate = 3e-3;
};
// Llamas of about 1, 10 and 100 million parameters; of the last a few rounds of few steps.
const std::vector<FormatRun>& format_runs();

// a = beta e + d of the first peer in the second, the middle and the last round, each beside what
// that peer had sent in the round before. REQUIRES: options.parameters is "" or a run's name.
Result<std::vector<FormatSample>> real_samples(const BenchOptions& options);

// gaussian, laplace, student_t3.
std::vector<FormatSample> made_samples(bool tiny);

}  // namespace assay
