// `assay simulate --soak`: drawn runs until so many rounds are done, with words on stderr.

#pragma once

#include <cstdint>

namespace assay {

// The exit code: kExitVerification where an invariant is broken, with the seed that repeats it.
int run_soak(uint64_t seed, uint64_t rounds);

}  // namespace assay
