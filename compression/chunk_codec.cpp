#include "compression/chunk_codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/check.h"
#include "core/merkle.h"
#include "kernels/feedback.h"

namespace assay {

namespace {

constexpr uint32_t kMagnitudeMask = 0x7fffffff;

uint32_t magnitude_bits(float value) {
    return std::bit_cast<uint32_t>(value) & kMagnitudeMask;
}

// Indices of the `count` largest |value| that are not zero, increasing; ties: lower index.
std::vector<uint16_t> largest(std::span<const float> values, uint32_t count) {
    // One number orders all: magnitude first, then the lower index as the larger number.
    std::array<uint64_t, kTileValues> keys{};
    size_t used = 0;
    for (size_t i = 0; i < values.size(); ++i) {
        const uint32_t bits = magnitude_bits(values[i]);
        keys[used] = uint64_t{bits} << 12 | (kTileValues - 1 - i);
        used += bits != 0 ? 1 : 0;
    }
    const size_t kept = std::min<size_t>(count, used);
    const auto end = keys.begin() + static_cast<std::ptrdiff_t>(used);
    const auto middle = keys.begin() + static_cast<std::ptrdiff_t>(kept);
    std::nth_element(keys.begin(), middle, end, std::greater<>());
    std::vector<uint16_t> indices(kept);
    for (size_t i = 0; i < kept; ++i) {
        indices[i] = static_cast<uint16_t>(kTileValues - 1 - (keys[i] & (kTileValues - 1)));
    }
    std::sort(indices.begin(), indices.end());
    return indices;
}

struct ClassMeans {
    double low = 0;  // 0 if the class is empty
    double high = 0;
    size_t low_count = 0;
};

ClassMeans class_means(std::span<const double> magnitudes, double split) {
    ClassMeans means;
    for (const double magnitude : magnitudes) {
        (magnitude < split ? means.low : means.high) += magnitude;
        means.low_count += magnitude < split ? 1 : 0;
    }
    means.high /= static_cast<double>(magnitudes.size() - means.low_count);
    means.low = means.low_count > 0 ? means.low / static_cast<double>(means.low_count) : 0;
    return means;
}

// Codes the entries at `indices` and takes their values out of `values`.
void code_entries(ChunkCode& chunk, std::span<float> values, const ClassSplit& classes) {
    const ChunkScales scales = chunk_scales(classes);
    chunk.low_scale = scales.low;
    chunk.high_scale = scales.high;
    size_t kept = 0;
    for (size_t i = 0; i < chunk.indices.size() && scales.high != 0; ++i) {
        float& value = values[chunk.indices[i]];
        const bool high = static_cast<double>(std::fabs(value)) >= scales.split;
        if (high || scales.low != 0) {
            chunk.indices[kept] = chunk.indices[i];
            chunk.codes[kept] =
                static_cast<uint8_t>((std::signbit(value) ? 2U : 0U) | (high ? 1U : 0U));
            value -= chunk.value(kept);
            ++kept;
        }
    }
    chunk.indices.resize(kept);
    chunk.codes.resize(kept);
}

// Eight codes at a time.
size_t count_highs(std::span<const uint8_t> codes) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    size_t highs = 0;
    size_t i = 0;
    for (; i + 8 <= codes.size(); i += 8) {
        uint64_t eight = 0;
        std::memcpy(&eight, codes.data() + i, sizeof(eight));
        highs += (eight & kOnes) * kOnes >> 56;
    }
    for (; i < codes.size(); ++i) {
        highs += codes[i] & 1U;
    }
    return highs;
}

}  // namespace

uint32_t kept_count(uint64_t live, uint32_t keep) {
    ASSAY_CHECK(live > 0 && live <= kTileValues && keep <= kTileValues);
    return static_cast<uint32_t>(
        std::max<uint64_t>(1, (keep * live + kTileValues / 2) / kTileValues));
}

ClassSplit split_classes(std::span<const double> magnitudes, SplitRule rule) {
    ASSAY_CHECK(!magnitudes.empty());
    double split = class_means(magnitudes, 0).high;
    ClassMeans means = class_means(magnitudes, split);
    for (int move = 0; move < split_moves(rule) && means.low_count > 0; ++move) {
        split = moved_split(rule, means.low, means.high);
        means = class_means(magnitudes, split);
    }
    return {split, means.low, means.high};
}

ChunkScales chunk_scales(const ClassSplit& classes) {
    ChunkScales scales;
    scales.split = classes.split;
    scales.high = scale_from_magnitude(static_cast<float>(classes.high));
    scales.low = scale_from_magnitude(static_cast<float>(classes.low));
    if (scales.low == scales.high) {
        scales.split = 0;  // one class: all high
        scales.low = 0;
    }
    return scales;
}

ChunkCode code_chunk(std::span<float> values, uint32_t keep) {
    ChunkCode chunk;
    chunk.indices = largest(values, kept_count(values.size(), keep));
    if (chunk.indices.empty()) {
        return chunk;
    }
    std::array<double, kTileValues> magnitudes{};
    chunk.codes.resize(chunk.indices.size());
    for (size_t i = 0; i < chunk.indices.size(); ++i) {
        magnitudes[i] = static_cast<double>(std::fabs(values[chunk.indices[i]]));
    }
    const std::span<const double> kept(magnitudes.data(), chunk.indices.size());
    code_entries(chunk, values, split_classes(kept, split_rule(keep)));
    return chunk;
}

// NOLINTNEXTLINE(readability-function-size)
Result<ChunkCode> compress_chunk(std::span<const float> theta_start,
                                 std::span<const float> theta_end,
                                 std::span<const float> e,
                                 uint64_t live,
                                 float beta,
                                 uint32_t keep,
                                 std::span<float> e_after) {
    ASSAY_CHECK_EQ(theta_start.size(), kTileValues);
    ASSAY_CHECK(live > 0 && live <= kTileValues);
    ASSAY_CHECK(theta_start.data() != e_after.data() && theta_end.data() != e_after.data());
    feedback_step(theta_start, theta_end, e, beta, e_after);
    for (size_t i = 0; i < live; ++i) {
        if (magnitude_bits(e_after[i]) >= kInfinity) {
            return fail("value " + std::to_string(i) + " of the chunk is not finite");
        }
    }
    std::fill(e_after.begin() + static_cast<std::ptrdiff_t>(live), e_after.end(), 0.0F);
    return code_chunk(e_after.first(live), keep);
}

void decode_chunk(const ChunkCode& chunk, std::span<float> out) {
    ASSAY_CHECK_EQ(chunk.codes.size(), chunk.indices.size());
    std::fill(out.begin(), out.end(), 0.0F);
    for (size_t i = 0; i < chunk.indices.size(); ++i) {
        ASSAY_CHECK_LT(chunk.indices[i], out.size());
        out[chunk.indices[i]] = chunk.value(i);
    }
}

double chunk_energy(const ChunkCode& chunk) {
    ASSAY_CHECK_EQ(chunk.codes.size(), chunk.indices.size());
    const auto low = static_cast<double>(magnitude_from_scale(chunk.low_scale));
    const auto high = static_cast<double>(magnitude_from_scale(chunk.high_scale));
    // Scales have 5 bits, their squares 10; sums of up to 4096 of these are multiples of low^2 /
    // 2^9 and exact in any order while high is less than 2^15 times low.
    if (high < low * 0x1p15 || chunk.low_scale == 0) {
        const size_t highs = count_highs(chunk.codes);
        return static_cast<double>(chunk.codes.size() - highs) * (low * low) +
               static_cast<double>(highs) * (high * high);
    }
    double energy = 0;
    for (size_t i = 0; i < chunk.indices.size(); ++i) {
        const double value = static_cast<double>(chunk.value(i));
        energy += value * value;
    }
    return energy;
}

Status check_chunk(const ChunkCode& chunk, uint64_t live, uint32_t keep) {
    const size_t count = chunk.indices.size();
    if (chunk.codes.size() != count || count > kept_count(live, keep)) {
        return fail("its number of kept values is out of range");
    }
    if (chunk.high_scale >= kScaleInfinity) {
        return fail("its high scale is not finite");
    }
    if (count == 0) {
        return chunk.high_scale == 0 && chunk.low_scale == 0 ? Status()
                                                             : fail("it has scales but no values");
    }
    if (chunk.low_scale >= chunk.high_scale) {
        return fail("its low scale is not below its high scale");
    }
    size_t high = 0;
    for (size_t i = 0; i < count; ++i) {
        const bool increasing = i == 0 || chunk.indices[i] > chunk.indices[i - 1];
        if (!increasing || chunk.indices[i] >= live || chunk.codes[i] > 3) {
            return fail("its entry " + std::to_string(i) + " is out of order or range");
        }
        high += chunk.codes[i] & 1U;
    }
    if (high == 0) {
        return fail("it has no value of the high class");
    }
    if ((high == count) != (chunk.low_scale == 0)) {
        return fail("its low scale does not fit its codes");
    }
    return {};
}

}  // namespace assay
