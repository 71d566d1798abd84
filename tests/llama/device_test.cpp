// What `assay doctor` says of the tensor library.

#include "llama/device.h"

#include <catch2/catch.hpp>

namespace assay {
namespace {

const std::vector<KernelPath> kOldCpu = {KernelPath::kScalar};
const std::vector<KernelPath> kAvx2Cpu = {KernelPath::kScalar, KernelPath::kAvx2};
const std::vector<KernelPath> kAvx512Cpu = {
    KernelPath::kScalar, KernelPath::kAvx2, KernelPath::kAvx512};
const std::vector<KernelPath> kArm = {KernelPath::kScalar, KernelPath::kNeon};

TEST_CASE("a code path of libtorch's that the CPU lacks is refused with what it has", "[llama]") {
    for (const auto& cpu : {kOldCpu, kAvx2Cpu, kAvx512Cpu, kArm}) {
        CHECK(check_torch_path(nullptr, cpu).ok());
        CHECK(check_torch_path("default", cpu).ok());
        CHECK(check_torch_path("", cpu).ok());
        CHECK_FALSE(check_torch_path("AVX2", cpu).ok());  // libtorch would ignore it with a warning
        CHECK(check_torch_path("avx2", cpu).ok() == (cpu == kAvx2Cpu || cpu == kAvx512Cpu));
        CHECK(check_torch_path("avx512", cpu).ok() == (cpu == kAvx512Cpu));
    }
    CHECK(check_torch_path("avx512", kAvx2Cpu).reason() ==
          "the environment forces libtorch's code path with ATEN_CPU_CAPABILITY=avx512, which this "
          "CPU does not have; it has: default, avx2; unset the variable, or set it to one of "
          "these");
}

TEST_CASE("the machine's tensor library is described", "[llama]") {
    const std::string text = describe_torch();
    INFO(text);
    CHECK(text.find("libtorch 2.") != std::string::npos);
    CHECK(text.find(cuda_driver_found() ? "a CUDA driver is here" : "no CUDA driver") !=
          std::string::npos);
}

}  // namespace
}  // namespace assay
