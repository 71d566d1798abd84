// Independent chains of fma in registers, by path. For machine_limits.cpp alone.

#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace assay {

// Runs `rounds` rounds of kChains x 16 fma; returns a number that depends on all of them.
inline constexpr int kChains = 12;
float fma_chains_scalar(uint64_t rounds);
float fma_chains_avx2(uint64_t rounds);
float fma_chains_avx512(uint64_t rounds);

// As many chains as the sequence has; no loop over them, so that they stay in registers.
template <class L, size_t... kChain>
float fma_chains(uint64_t rounds, std::index_sequence<kChain...> /*chains*/) {
    float starts[16 + kChains] = {};
    for (size_t i = 0; i < sizeof(starts) / sizeof(float); ++i) {
        starts[i] = static_cast<float>(i);  // no two lanes alike: nothing is computed once for both
    }
    L chains[] = {L::load(starts + kChain)...};
    const L factor = L::broadcast(0.999F);
    const L term = L::broadcast(0.001F);
    for (uint64_t round = 0; round < rounds; ++round) {
        ((chains[kChain] = fma(chains[kChain], factor, term)), ...);
    }
    L sum = L::broadcast(0.0F);
    ((sum = sum + chains[kChain]), ...);
    return sum.sum();
}

}  // namespace assay
