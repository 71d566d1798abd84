// The golden run: one root of theta on every path, number of threads, and with layers recomputed. A
// path that not every machine has is a case of its own. Other compilers, options and arm64:
// scripts/check_exact.sh.

#include <catch2/catch.hpp>

#include "core/merkle.h"
#include "kernels/kernel_path.h"
#include "tests/golden/golden_run.h"
#include "tests/golden/golden_values.h"
#include "tests/support/tested_path.h"

namespace assay {
namespace {

void check_golden_run(KernelPath path) {
    const auto golden = golden_values();
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

TEST_CASE("the golden run ends with one root on the paths of every machine", "[exact][golden]") {
    on_paths_of_every_machine(check_golden_run);
}

TEST_CASE("the golden run ends with one root on AVX2", "[exact][golden][needs_avx2]") {
    on_path(KernelPath::kAvx2, check_golden_run);
}

TEST_CASE("the golden run ends with one root on AVX-512", "[exact][golden][needs_avx512]") {
    on_path(KernelPath::kAvx512, check_golden_run);
}

}  // namespace
}  // namespace assay
