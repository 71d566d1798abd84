// `assay bench` in a build without libtorch: the benchmarks compare with it.

#include <cstdio>

#include "cli/commands.h"

namespace assay {

void add_bench(CommandLine& line) {
    line.add("bench",
             "Measure this machine (not in this build: the benchmarks compare with libtorch)",
             "assay bench",
             [] {
                 std::fprintf(
                     stderr,
                     "assay: this build has no benchmarks, for they compare with libtorch; "
                     "build with ASSAY_WITH_TORCH=ON (scripts/install.sh, then cmake "
                     "--preset release)\n");
                 return kExitFailed;
             });
}

}  // namespace assay
