// The wire's format of a chunk's scales: the upper 12 bits of a positive fp32, 8 of exponent and 4
// of fraction. One step is 3 to 6 %; what rounding loses stays in the error feedback. Stateless.

#pragma once

#include <cstdint>

namespace assay {

constexpr uint32_t kScaleShift = 19;        // a pattern p stands for the fp32 with bits p << 19
constexpr uint16_t kScaleInfinity = 0xff0;  // first pattern that is not finite
constexpr uint16_t kScaleMax = 0xfef;

// Nearest scale, ties to even, down to subnormals; above the largest: kScaleMax.
// REQUIRES: value is finite and not negative.
uint16_t scale_from_magnitude(float value);

// Exact. REQUIRES: bits < kScaleInfinity.
float magnitude_from_scale(uint16_t bits);

}  // namespace assay
