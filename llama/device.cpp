#include "llama/device.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/native/DispatchStub.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace assay {

bool torch_compiled() {
    return true;
}

bool cuda_driver_found() {
    void* driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver == nullptr) {
        return false;
    }
    ::dlclose(driver);
    return true;
}

std::vector<std::string> torch_paths(const std::vector<KernelPath>& cpu) {
    std::vector<std::string> names = {"default"};
    for (const KernelPath path : cpu) {
        // The instructions of these two are the ones that libtorch asks for when it chooses itself.
        if (path == KernelPath::kAvx2 || path == KernelPath::kAvx512) {
            names.emplace_back(kernel_path_name(path));
        }
    }
    return names;
}

Status check_torch_path(const char* value, const std::vector<KernelPath>& cpu) {
    const std::vector<std::string> names = torch_paths(cpu);
    if (value == nullptr || *value == '\0' ||
        std::find(names.begin(), names.end(), value) != names.end()) {
        return {};
    }
    std::string known;
    for (const std::string& name : names) {
        known += (known.empty() ? "" : ", ") + name;
    }
    return fail("the environment forces libtorch's code path with " +
                std::string(kTorchPathVariable) + "=" + value +
                ", which this CPU does not have; it has: " + known +
                "; unset the variable, or set it to one of these");
}

Status check_torch_path() {
    return check_torch_path(std::getenv(kTorchPathVariable), available_kernel_paths());
}

std::string describe_torch() {
    std::ostringstream text;
    text << "libtorch " << TORCH_VERSION << ", " << at::get_cpu_capability() << ", "
         << at::get_num_threads() << " threads by default; "
         << (cuda_driver_found() ? "a CUDA driver is here" : "no CUDA driver: the CPU trains");
    return text.str();
}

}  // namespace assay
