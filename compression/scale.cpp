#include "compression/scale.h"

#include <algorithm>
#include <bit>

#include "core/check.h"

namespace assay {

static_assert(uint32_t{kScaleInfinity} << kScaleShift == 0x7f800000U, "fp32's own infinity");
static_assert(kScaleMax + 1 == kScaleInfinity);

uint16_t scale_from_magnitude(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    ASSAY_CHECK_LT(bits, 0x7f800000U);
    constexpr uint32_t kBelowHalf = (1U << (kScaleShift - 1)) - 1;
    // A carry moves into the exponent, from the subnormals into the normal numbers too.
    const uint32_t rounded = (bits + kBelowHalf + ((bits >> kScaleShift) & 1U)) >> kScaleShift;
    return static_cast<uint16_t>(std::min<uint32_t>(rounded, kScaleMax));
}

float magnitude_from_scale(uint16_t bits) {
    ASSAY_CHECK_LT(bits, kScaleInfinity);
    return std::bit_cast<float>(uint32_t{bits} << kScaleShift);
}

}  // namespace assay
