// The chains in plain C++.
#include "benchmarks/fma_chains.h"
#include "kernels/lanes_scalar.h"

namespace assay {

float fma_chains_scalar(uint64_t rounds) {
    return fma_chains<ScalarLanes>(rounds, std::make_index_sequence<kChains>());
}

}  // namespace assay
