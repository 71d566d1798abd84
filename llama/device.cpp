#include "llama/device.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/native/DispatchStub.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <sstream>

namespace assay {

bool cuda_driver_found() {
    void* driver = ::dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver == nullptr) {
        return false;
    }
    ::dlclose(driver);
    return true;
}

std::string describe_torch() {
    std::ostringstream text;
    text << "libtorch " << TORCH_VERSION << ", " << at::get_cpu_capability() << ", "
         << at::get_num_threads() << " threads by default; "
         << (cuda_driver_found() ? "a CUDA driver is here" : "no CUDA driver: the CPU trains");
    return text.str();
}

}  // namespace assay
