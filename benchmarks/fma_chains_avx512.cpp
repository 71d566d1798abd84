// The chains with AVX-512 lanes. Compiled for AVX-512.
#include "benchmarks/fma_chains.h"
#include "kernels/lanes_avx512.h"

namespace assay {

float fma_chains_avx512(uint64_t rounds) {
    return fma_chains<Avx512Lanes>(rounds, std::make_index_sequence<kChains>());
}

}  // namespace assay
