// One chunk of a sparse update: which values are kept, as what, and what is left over.
//
// Scalar truth of docs/compression.md: fp32 and fp64 operations one at a time in index order, so
// that the result is a function of the chunk's theta_start, theta_end and e alone. Bytes are in
// sparse_update.h. Stateless; any thread.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compression/half.h"
#include "core/result.h"

namespace assay {

// No entries and two zero scales, or: indices strictly increasing, at least one high code,
// 0 <= low_scale < high_scale, and low_scale is 0 exactly if there is no low code. So no kept value
// is zero, and no two codes stand for the same values.
struct ChunkCode {
    std::vector<uint16_t> indices;
    std::vector<uint8_t> codes;  // bit 1: sign (1 = negative), bit 0: magnitude (1 = high)
    uint16_t low_scale = 0;      // binary16 bits
    uint16_t high_scale = 0;

    bool operator==(const ChunkCode&) const = default;

    // The value of entry `at`: what the aggregate and error feedback see.
    [[nodiscard]] float value(size_t at) const {
        const float magnitude = magnitude_from_half((codes[at] & 1U) != 0 ? high_scale : low_scale);
        return (codes[at] & 2U) != 0 ? -magnitude : magnitude;
    }
};

// k = max(1, round(keep * live / 4096)), halves up. REQUIRES: 0 < live, keep <= 4096.
uint32_t kept_count(uint64_t live, uint32_t keep);

// Selects and codes `values` (one chunk, live values only), and leaves in them what is not sent:
// a becomes fl(a - q). REQUIRES: all finite, 0 < values.size() <= 4096.
ChunkCode code_chunk(std::span<float> values, uint32_t keep);

// The compressor of one chunk: a = fma(beta, e, theta_start - theta_end), code_chunk(a);
// e_after gets fl(a - q), and zeros behind the live values. e_after may be e. Fails, with e_after
// unspecified, where an `a` is not finite. REQUIRES: four spans of 4096 values, live <= 4096.
Result<ChunkCode> compress_chunk(std::span<const float> theta_start,
                                 std::span<const float> theta_end,
                                 std::span<const float> e,
                                 uint64_t live,
                                 float beta,
                                 uint32_t keep,
                                 std::span<float> e_after);

// Writes the chunk's values into `out`, zeros elsewhere. REQUIRES: indices inside `out`.
void decode_chunk(const ChunkCode& chunk, std::span<float> out);

// ||q_c||^2 in double, in index order.
double chunk_energy(const ChunkCode& chunk);

// Whether `chunk` is what the comment at ChunkCode says, for a chunk of `live` values; else why
// not.
Status check_chunk(const ChunkCode& chunk, uint64_t live, uint32_t keep);

}  // namespace assay
