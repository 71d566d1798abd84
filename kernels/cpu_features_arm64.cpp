// The features of arm64.
#include "kernels/cpu_features.h"

namespace assay {

bool cpu_has_avx2_and_fma() {
    return false;
}

bool cpu_has_avx512() {
    return false;
}

bool cpu_has_neon() {
    return true;  // part of every arm64
}

void pause_cpu() {
    asm volatile("yield");
}

}  // namespace assay
