// The chains with AVX2 lanes. Compiled for AVX2 with FMA.
#include "benchmarks/fma_chains.h"
#include "kernels/lanes_avx2.h"

namespace assay {

float fma_chains_avx2(uint64_t rounds) {
    return fma_chains<Avx2Lanes>(2 * rounds, std::make_index_sequence<kChains / 2>());
}

}  // namespace assay
