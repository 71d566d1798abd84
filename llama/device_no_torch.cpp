// What stands in for llama/device.cpp in a build without libtorch.

#include "llama/device.h"

namespace assay {

bool torch_compiled() {
    return false;
}

std::vector<std::string> torch_paths(const std::vector<KernelPath>& /*cpu*/) {
    return {};
}

// There is nothing that the environment could force.
Status check_torch_path() {
    return {};
}

std::string describe_torch() {
    return "no libtorch in this build: class exact needs none, the other classes do";
}

}  // namespace assay
