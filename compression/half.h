// IEEE binary16 as the wire's format of a chunk's scales. Stateless.

#pragma once

#include <cstdint>

namespace assay {

constexpr uint16_t kHalfMax = 0x7bff;       // 65504
constexpr uint16_t kHalfInfinity = 0x7c00;  // first pattern that is not finite

// Nearest binary16, ties to even, down to subnormals; above 65504: 65504.
// REQUIRES: value is finite and not negative.
uint16_t half_from_magnitude(float value);

// Exact. REQUIRES: bits < kHalfInfinity.
float magnitude_from_half(uint16_t bits);

}  // namespace assay
