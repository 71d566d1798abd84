// What the CPU can run; one definition for each kind of machine (*_x86.cpp,
// *_arm64.cpp). Only kernels/ includes this.

#pragma once

namespace assay {

// Whether the CPU has it and the system saves its registers.
[[nodiscard]] bool cpu_has_avx2_and_fma();
[[nodiscard]] bool cpu_has_avx512();  // F, BW, DQ, VL, and AVX2 with FMA
[[nodiscard]] bool cpu_has_neon();

// Tells the CPU that this thread only looks whether something has changed.
void pause_cpu();

}  // namespace assay
