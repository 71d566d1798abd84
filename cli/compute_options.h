// How a process computes: threads, kernels, memory. Never part of a run: results do not depend on
// it in the numeric class exact.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "cli/command_line.h"
#include "configs/run_config.h"
#include "core/result.h"
#include "model/gradient_model.h"

namespace assay {

struct ComputeOptions {
    int64_t threads = 1;
    std::string kernels = "auto";
    bool recompute_layers = false;
};

// `--threads`, `--kernels`.
void add_compute_options(Command& command, ComputeOptions& options, const std::string& what);
// The same and `--recompute-layers`.
void add_training_options(Command& command, ComputeOptions& options, const std::string& what);

// Fails where this machine lacks the kernels asked for.
Status force_kernels(const ComputeOptions& options);
// The same, and where it lacks the code path that the environment forces on libtorch.
Status use_kernels(const ComputeOptions& options);

using ModelMaker = std::function<Result<std::unique_ptr<GradientModel>>(
    const RunConfig&, NumericClass, int threads)>;
// Takes recompute_layers along; the number of threads comes with each call.
ModelMaker model_maker(const ComputeOptions& options);

}  // namespace assay
