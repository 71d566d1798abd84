// golden_run [KERNELS [THREADS]]: writes theta after the golden run, fp32 little-endian, to stdout.
//
// Built by scripts/check_exact.sh with other compilers, other options and for other processors.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "kernels/kernel_path.h"
#include "tests/golden/golden_run.h"

int main(int argc, char** argv) {
    const std::string kernels = argc > 1 ? argv[1] : "auto";
    const assay::Status forced = assay::force_kernel_path(kernels);
    if (!forced) {
        std::fprintf(stderr, "%s\n", forced.reason().c_str());
        return 2;  // this machine lacks them
    }
    assay::ExactOptions options;
    options.threads = argc > 2 ? std::atoi(argv[2]) : 1;
    const assay::InnerState end = assay::golden_run(options);
    const size_t written = std::fwrite(end.theta.data(), sizeof(float), end.theta.size(), stdout);
    return written == end.theta.size() ? 0 : 1;
}
