// One chunk of a sparse update: which values are kept, as what, and what is left over.
//
// Scalar truth of docs/compression.md, which the fast forms of chunk_coder.h must equal: fp32 and
// fp64 operations one at a time in index order, so that the result is a function of the chunk's
// theta_start, theta_end and e alone. Bytes are in sparse_update.h. Stateless; any thread.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compression/scale.h"
#include "core/result.h"

namespace assay {

constexpr uint32_t kInfinity = 0x7f800000;  // the bits of fp32's own; above are NaNs

// No entries and two zero scales, or: indices strictly increasing, at least one high code,
// 0 <= low_scale < high_scale, and low_scale is 0 exactly if there is no low code. So no kept value
// is zero, and no two codes stand for the same values.
struct ChunkCode {
    std::vector<uint16_t> indices;
    std::vector<uint8_t> codes;  // bit 1: sign (1 = negative), bit 0: magnitude (1 = high)
    uint16_t low_scale = 0;      // patterns of scale.h
    uint16_t high_scale = 0;

    bool operator==(const ChunkCode&) const = default;

    // The value of entry `at`: what the aggregate and error feedback see.
    [[nodiscard]] float value(size_t at) const {
        const float magnitude =
            magnitude_from_scale((codes[at] & 1U) != 0 ? high_scale : low_scale);
        return (codes[at] & 2U) != 0 ? -magnitude : magnitude;
    }
};

// k = max(1, round(keep * live / 4096)), halves up. REQUIRES: 0 < live, keep <= 4096.
uint32_t kept_count(uint64_t live, uint32_t keep);

// Where two classes of magnitudes part. Few values of a chunk are nearly alike: only the outliers
// are set apart, so that a magnitude costs little. Many are not: the split point is in the middle
// between the means of the classes.
enum class SplitRule : uint8_t { kOutliers, kMiddle };
constexpr uint32_t kOutliersKeepMax = 256;
constexpr SplitRule split_rule(uint32_t keep) {
    return keep <= kOutliersKeepMax ? SplitRule::kOutliers : SplitRule::kMiddle;
}

// The kept magnitudes of a chunk in two classes, those below `split` and the others, with the means
// of both; low is 0 if that class is empty. The split point is the mean of all, moved: three times
// to the mean of the upper class, or four times to the middle of the two means, while there are
// two.
struct ClassSplit {
    double split = 0;
    double low = 0;
    double high = 0;
};
// How often the split point moves, and where to.
constexpr int split_moves(SplitRule rule) {
    return rule == SplitRule::kOutliers ? 3 : 4;
}
constexpr double moved_split(SplitRule rule, double low, double high) {
    return rule == SplitRule::kOutliers ? high : (low + high) / 2;
}
// REQUIRES: not empty, none zero.
ClassSplit split_classes(std::span<const double> magnitudes, SplitRule rule);

// What of it travels. Entries at or above `split` are high; those below are not kept where low is
// 0; none is kept where high is 0.
struct ChunkScales {
    double split = 0;
    uint16_t low = 0;
    uint16_t high = 0;
};
// Both means rounded to 12-bit scales; where these are alike, one class is left, all high.
ChunkScales chunk_scales(const ClassSplit& classes);

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
