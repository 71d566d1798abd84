// Which kernels a name stands for on machines that this one need not be.

#include "kernels/kernel_path.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace assay {

TEST_CASE("kernels that a machine lacks are refused with those that it has") {
    const std::vector<KernelPath> avx2 = {KernelPath::kScalar, KernelPath::kAvx2};
    CHECK(path_named("auto", avx2).value() == KernelPath::kAvx2);
    CHECK(path_named("scalar", avx2).value() == KernelPath::kScalar);
    CHECK(path_named("avx512", avx2).reason() ==
          "no kernels named avx512 on this machine; it has: auto, scalar, avx2");
    CHECK_FALSE(path_named("avx2", {KernelPath::kScalar}).ok());
    CHECK_FALSE(path_named("neon", avx2).ok());
    CHECK(path_named("neon", {KernelPath::kScalar, KernelPath::kNeon}).ok());
}

TEST_CASE("a name forces its kernels, and a refused one changes nothing") {
    const ForcedKernelPath kept(KernelPath::kScalar);
    const std::vector<KernelPath> paths = available_kernel_paths();
    for (const KernelPath path :
         {KernelPath::kScalar, KernelPath::kAvx2, KernelPath::kAvx512, KernelPath::kNeon}) {
        const bool here = std::find(paths.begin(), paths.end(), path) != paths.end();
        const KernelPath before = kernel_path();
        CHECK(force_kernel_path(std::string(kernel_path_name(path))).ok() == here);
        CHECK(kernel_path() == (here ? path : before));
    }
    REQUIRE(force_kernel_path("auto").ok());
    CHECK(kernel_path() == paths.back());
}

}  // namespace assay
