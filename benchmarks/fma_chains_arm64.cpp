// Where there is no x86: the scalar chains are all there is to measure.
#include "benchmarks/fma_chains.h"

namespace assay {

float fma_chains_avx2(uint64_t rounds) {
    return fma_chains_scalar(rounds);
}

float fma_chains_avx512(uint64_t rounds) {
    return fma_chains_scalar(rounds);
}

}  // namespace assay
