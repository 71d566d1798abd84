// What the tensor library finds on this machine. Free of libtorch.

#pragma once

#include <string>

namespace assay {

// Whether a CUDA driver is installed here (libcuda.so.1 can be loaded).
[[nodiscard]] bool cuda_driver_found();

// For `assay doctor`: version, threads, instruction set, GPU.
std::string describe_torch();

}  // namespace assay
