// Which form of the kernels this process runs: all forms give the same bits, they differ in speed.
//
// Chosen once by asking the CPU; tests and `--kernels NAME` force another. Any thread may ask;
// force_kernel_path is for the start of a program or of a test.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace assay {

enum class KernelPath : int { kScalar = 0, kAvx2 = 1, kAvx512 = 2, kNeon = 3 };

// "scalar", "avx2", "avx512", "neon".
std::string_view kernel_path_name(KernelPath path);

// What this CPU and this build have, slowest first; scalar always.
std::vector<KernelPath> available_kernel_paths();
[[nodiscard]] bool kernel_path_available(KernelPath path);

// The forced path, else the fastest available one.
[[nodiscard]] KernelPath kernel_path();

// REQUIRES: kernel_path_available(path).
void force_kernel_path(KernelPath path);
// "auto" or a name. Fails with what this machine has.
Status force_kernel_path(const std::string& name);
// What a name means to a machine that has `paths` (available_kernel_paths()): "auto" the last.
Result<KernelPath> path_named(const std::string& name, const std::vector<KernelPath>& paths);
// "scalar, avx2"
std::string path_names(const std::vector<KernelPath>& paths);

// For tests: forces a path and takes the choice back.
class ForcedKernelPath {
public:
    // REQUIRES: this CPU has the path (available_kernel_paths). For tests and benchmarks.
    explicit ForcedKernelPath(KernelPath path) : before_(kernel_path()) { force_kernel_path(path); }
    ~ForcedKernelPath() { force_kernel_path(before_); }
    ForcedKernelPath(const ForcedKernelPath&) = delete;
    ForcedKernelPath& operator=(const ForcedKernelPath&) = delete;

private:
    KernelPath before_;
};

}  // namespace assay
