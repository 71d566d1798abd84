#include "compression/chunk_bits.h"

#include <algorithm>
#include <bit>

namespace assay {

namespace {

constexpr uint32_t kScaleBits = 15;  // binary16 without its sign
constexpr uint32_t kNearBits = 10;
constexpr uint32_t kNearMax = 1U << kNearBits;

// How a chunk that has entries begins, behind its high scale: mode, in unary; low scale; count.
constexpr uint32_t kFar = 1;      // the low scale is 0 or more than kNearMax steps below the high
constexpr uint32_t kPartial = 2;  // fewer than k entries
constexpr uint32_t kModeMax = kFar | kPartial;

// Width of (count - 1) where count is below k. REQUIRES: k >= 2.
uint32_t count_bits(uint32_t k) {
    return static_cast<uint32_t>(std::bit_width(k - 2));
}

bool is_near(uint32_t low, uint32_t high) {
    return low > 0 && high - low <= kNearMax;
}

void write_low_scale(BitWriter& out, uint32_t low, uint32_t high) {
    if (is_near(low, high)) {
        out.bits(high - low - 1, kNearBits);
    } else {
        out.bits(low, kScaleBits);
    }
}

// The low scale of a chunk whose mode says whether it is near; fails on the other form's values.
Result<uint16_t> read_low_scale(BitReader& in, uint32_t high, bool near) {
    if (near) {
        const uint32_t below = in.bits(kNearBits) + 1;
        return below < high ? Result<uint16_t>(static_cast<uint16_t>(high - below))
                            : fail("its low scale is below zero");
    }
    const uint32_t low = in.bits(kScaleBits);
    return low < high && !is_near(low, high) ? Result<uint16_t>(static_cast<uint16_t>(low))
                                             : fail("its low scale has the wrong form");
}

// The number of entries of a chunk that has some; 0 on failure.
uint32_t read_count(BitReader& in, uint32_t k, bool partial) {
    if (!partial) {
        return k;
    }
    const uint32_t count = k < 2 ? k : in.bits(count_bits(k)) + 1;
    return count < k ? count : 0;
}

Status read_indices(BitReader& in, uint64_t live, uint32_t count, std::vector<uint16_t>& indices) {
    const uint32_t r = rice_parameter(live, count);
    uint64_t next = 0;  // lowest index that may come
    for (uint32_t i = 0; i < count; ++i) {
        const uint64_t high = in.unary(static_cast<uint32_t>(live >> r));
        const uint64_t index = next + (high << r | in.bits(r));
        if (in.failed() || index >= live) {
            return fail(in.failed() ? "its indices run past its end" : "an index is out of range");
        }
        indices.push_back(static_cast<uint16_t>(index));
        next = index + 1;
    }
    return {};
}

}  // namespace

uint32_t rice_parameter(uint64_t live, uint64_t count) {
    ASSAY_CHECK(count > 0 && count <= live);
    const uint64_t scaled = std::max<uint64_t>(1, 69 * live / (100 * count));
    return static_cast<uint32_t>(std::bit_width(scaled)) - 1;
}

void write_chunk(BitWriter& out, const ChunkCode& chunk, uint64_t live, uint32_t keep) {
    out.bits(chunk.high_scale, kScaleBits);
    if (chunk.high_scale == 0) {
        return;
    }
    const uint32_t k = kept_count(live, keep);
    const auto count = static_cast<uint32_t>(chunk.indices.size());
    out.unary((is_near(chunk.low_scale, chunk.high_scale) ? 0 : kFar) | (count < k ? kPartial : 0));
    write_low_scale(out, chunk.low_scale, chunk.high_scale);
    if (count < k) {
        out.bits(count - 1, count_bits(k));
    }
    const uint32_t r = rice_parameter(live, count);
    uint32_t next = 0;
    for (const uint16_t index : chunk.indices) {
        const uint32_t gap = index - next;
        out.unary(gap >> r);
        out.bits(gap & ((1U << r) - 1), r);
        next = index + 1U;
    }
    for (const uint8_t code : chunk.codes) {
        out.bits(code, 2);
    }
}

Result<ChunkCode> read_chunk(BitReader& in, uint64_t live, uint32_t keep) {
    ChunkCode chunk;
    chunk.high_scale = static_cast<uint16_t>(in.bits(kScaleBits));
    if (in.failed()) {
        return fail("it is cut off");
    }
    if (chunk.high_scale == 0) {
        return chunk;
    }
    const uint32_t mode = in.unary(kModeMax);
    const Result<uint16_t> low = read_low_scale(in, chunk.high_scale, (mode & kFar) == 0);
    if (in.failed() || !low) {
        return fail(in.failed() ? "its scales are cut off or have no mode" : low.reason());
    }
    chunk.low_scale = *low;
    const uint32_t count = read_count(in, kept_count(live, keep), (mode & kPartial) != 0);
    if (count == 0 || in.failed()) {
        return fail("its number of kept values is out of range");
    }
    if (Status read = read_indices(in, live, count, chunk.indices); !read) {
        return read.error();
    }
    chunk.codes.reserve(count);
    for (uint32_t i = 0; i < count; ++i) {
        chunk.codes.push_back(static_cast<uint8_t>(in.bits(2)));
    }
    if (in.failed()) {
        return fail("its codes are cut off");
    }
    if (Status checked = check_chunk(chunk, live, keep); !checked) {
        return checked.error();
    }
    return chunk;
}

uint64_t chunk_bits_max(uint64_t live, uint32_t keep) {
    const uint32_t k = kept_count(live, keep);
    uint64_t most = 0;
    for (uint64_t count = 1; count <= k; ++count) {
        const uint32_t r = rice_parameter(live, count);
        most = std::max(most, count * (r + 3) + ((live - count) >> r));
    }
    return most + 2 * kScaleBits + kModeMax + 1 + (k >= 2 ? count_bits(k) : 0);
}

}  // namespace assay
