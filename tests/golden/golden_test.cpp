// The golden run: one root of theta on every path, number of threads, and with layers recomputed.
// Other compilers, options and arm64: scripts/check_exact.sh.

#include <catch2/catch.hpp>
#include <iostream>

#include "core/merkle.h"
#include "kernels/kernel_path.h"
#include "tests/golden/golden_run.h"
#include "tests/golden/golden_values.h"

namespace assay {
namespace {

TEST_CASE("the golden run ends with one root on every path", "[exact][golden]") {
    const auto golden = golden_values();
    for (const KernelPath path :
         {KernelPath::kScalar, KernelPath::kAvx2, KernelPath::kAvx512, KernelPath::kNeon}) {
        if (!kernel_path_available(path)) {
            std::cout << "skipped: this machine has no " << kernel_path_name(path) << " kernels\n";
            continue;
        }
        const ForcedKernelPath forced(path);
        for (const int threads : {1, 2, 3}) {
            INFO(kernel_path_name(path) << ", " << threads << " threads");
            const InnerState end = golden_run({threads, threads == 2});
            CHECK(tiles_root(end.theta).hex() == golden.at("theta_root"));
            const ByteSpan bytes(reinterpret_cast<const uint8_t*>(end.theta.data()),
                                 end.theta.size() * sizeof(float));
            CHECK(sha256_plain(bytes).hex() == golden.at("theta_sha256"));
        }
    }
}

}  // namespace
}  // namespace assay
