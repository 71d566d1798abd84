// Scales and bits inside kernels: twins of scale.h and of the truth's few helpers.
//
// For compress_block.h and shares_block.h. Whoever includes these defines ASSAY_DEVICE before:
// __device__ under nvcc, nothing on a CPU.

#pragma once

#include <cstdint>
#include <cstring>

namespace assay {

constexpr uint32_t kBlockValues = 4096;  // a chunk

// std::bit_cast, which device code of C++20 does not have everywhere.
ASSAY_DEVICE inline uint32_t block_bits(float value) {
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

// The value of these bits.
ASSAY_DEVICE inline float block_float(uint32_t bits) {
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

// Bits without the sign: in the same order as |value|.
ASSAY_DEVICE inline uint32_t block_magnitude(float value) {
    return block_bits(value) & 0x7fffffffU;
}

// As magnitude_from_scale.
ASSAY_DEVICE inline float block_from_scale(uint32_t scale) {
    return block_float(scale << 19);
}

// As scale_from_magnitude.
ASSAY_DEVICE inline uint32_t block_scale(float magnitude) {
    const uint32_t bits = block_bits(magnitude);
    const uint32_t rounded = (bits + 0x3ffffU + ((bits >> 19) & 1U)) >> 19;
    return rounded < 0xfefU ? rounded : 0xfefU;
}

// The value that a code stands for.
ASSAY_DEVICE inline float block_value(uint32_t code, uint32_t low_scale, uint32_t high_scale) {
    const float magnitude = block_from_scale((code & 1U) != 0 ? high_scale : low_scale);
    return (code & 2U) != 0 ? -magnitude : magnitude;
}

}  // namespace assay
