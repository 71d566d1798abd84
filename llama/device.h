// What the tensor library finds on this machine. Free of libtorch.

#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "kernels/kernel_path.h"

namespace assay {

// Whether this build has libtorch. Without it class exact is all that it computes in.
[[nodiscard]] bool torch_compiled();

// Whether a CUDA driver is installed here (libcuda.so.1 can be loaded).
[[nodiscard]] bool cuda_driver_found();

// libtorch takes its code path from this variable without asking the CPU: where the CPU lacks it,
// the process dies on its first step.
constexpr const char* kTorchPathVariable = "ATEN_CPU_CAPABILITY";

// libtorch's names for what a CPU with these kernels can run: "default", "avx2", "avx512"; none in
// a build without it.
std::vector<std::string> torch_paths(const std::vector<KernelPath>& cpu);

// Fails where the variable's value (null or "": it is not set) names none of torch_paths(cpu); with
// words on what to do.
Status check_torch_path(const char* value, const std::vector<KernelPath>& cpu);
// The same for the environment and the CPU of this process.
Status check_torch_path();

// For `assay doctor`: version, threads, instruction set, GPU.
std::string describe_torch();

}  // namespace assay
