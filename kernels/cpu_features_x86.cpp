// The features of x86-64.
#include "kernels/cpu_features.h"

namespace assay {

bool cpu_has_avx2_and_fma() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool cpu_has_avx512() {
    return cpu_has_avx2_and_fma() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

bool cpu_has_neon() {
    return false;
}

void pause_cpu() {
    __builtin_ia32_pause();
}

}  // namespace assay
