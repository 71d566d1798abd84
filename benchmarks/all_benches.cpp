#include "benchmarks/all_benches.h"

namespace assay {

const std::vector<Bench>& all_benches() {
    static const std::vector<Bench> kAll = {hash_bench(),
                                            adamw_bench(),
                                            gemm_bench(),
                                            compression_bench(),
                                            growth_bench(),
                                            train_bench(),
                                            round_bench(),
                                            audit_bench()};
    return kAll;
}

}  // namespace assay
