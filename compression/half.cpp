#include "compression/half.h"

#include <bit>
#include <cmath>

#include "core/check.h"

namespace assay {

uint16_t half_from_magnitude(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    ASSAY_CHECK_LT(bits, 0x7f800000U);
    if (value >= 65520.0F) {  // half way between 65504 and the next binary16, if there were one
        return kHalfMax;
    }
    if (value < 0x1p-14F) {  // subnormal: a multiple of 2^-24; the addition rounds to even
        const float shifted = value + 0.5F;
        return static_cast<uint16_t>(std::bit_cast<uint32_t>(shifted) -
                                     std::bit_cast<uint32_t>(0.5F));
    }
    // Drop 13 bits of the significand, to nearest even; a carry moves into the exponent.
    const uint32_t rounded = bits + 0x0fffU + ((bits >> 13) & 1U);
    return static_cast<uint16_t>((rounded >> 13) - ((127U - 15U) << 10));
}

float magnitude_from_half(uint16_t bits) {
    ASSAY_CHECK_LT(bits, kHalfInfinity);
    const uint32_t exponent = bits >> 10;
    const uint32_t fraction = bits & 0x3ffU;
    if (exponent == 0) {
        return static_cast<float>(fraction) * 0x1p-24F;
    }
    return std::bit_cast<float>(((exponent + 112U) << 23) | (fraction << 13));
}

}  // namespace assay
