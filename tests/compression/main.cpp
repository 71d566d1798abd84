// golden_updates [KERNELS [THREADS]]: writes the payloads and the aggregate of golden_updates.h,
// one behind the other, to stdout, after decoding each payload.
//
// Built by scripts/check_exact.sh with other compilers and for other processors, without the
// libraries that core/ links: tests/golden/stand_in/digest.cpp stands in for core/digest.cpp.

#include <cstdio>
#include <cstdlib>

#include "tests/compression/golden_updates.h"

int main(int argc, char** argv) {
    const assay::Status forced = assay::force_kernel_path(argc > 1 ? argv[1] : "auto");
    if (!forced) {
        std::fprintf(stderr, "%s\n", forced.reason().c_str());
        return 2;  // this machine lacks them
    }
    const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
    assay::Bytes all;
    for (const assay::GoldenUpdate& golden : assay::kGolden) {
        assay::SparseUpdate update;
        const assay::Bytes bytes = assay::compressed(golden, threads, assay::kernel_path(), update);
        const auto decoded = assay::decode_sparse(bytes,
                                                  assay::golden_layout(),
                                                  assay::PayloadKind::kSparse,
                                                  static_cast<uint32_t>(golden.keep));
        if (!decoded || *decoded != update) {
            std::fprintf(stderr, "%s does not decode to itself\n", golden.name);
            return 1;
        }
        all.insert(all.end(), bytes.begin(), bytes.end());
    }
    const assay::Bytes aggregate = assay::golden_aggregate(threads);
    all.insert(all.end(), aggregate.begin(), aggregate.end());
    return std::fwrite(all.data(), 1, all.size(), stdout) == all.size() ? 0 : 1;
}
