// The compressor's kernel: one block of threads a chunk. Twin of compress_chunk in chunk_codec.h,
// bit for bit; free of CUDA's types. What a Block is stands in select_block.h.

#pragma once

#include <cmath>

#include "compression/select_block.h"

namespace assay {

struct BlockMeans {
    double low;
    double high;
    uint32_t low_count;
};

// As class_means of the truth: in index order.
ASSAY_DEVICE inline BlockMeans block_means(const CompressShared& s, double split) {
    BlockMeans means{0, 0, 0};
    for (uint32_t i = 0; i < s.count; ++i) {
        const double magnitude = static_cast<double>(std::fabs(s.a[s.indices[i]]));
        if (magnitude < split) {
            means.low += magnitude;
            ++means.low_count;
        } else {
            means.high += magnitude;
        }
    }
    means.high /= static_cast<double>(s.count - means.low_count);
    means.low = means.low_count > 0 ? means.low / static_cast<double>(means.low_count) : 0;
    return means;
}

// Split point and scales, by one thread. Drops what vanishes in a scale.
ASSAY_DEVICE inline void set_scales(CompressShared& s, uint32_t keep) {
    s.low_scale = 0;
    s.high_scale = 0;
    s.split = 0;
    if (s.count == 0) {
        return;
    }
    const bool outliers = keep <= 256;
    const int moves = outliers ? 3 : 4;
    s.split = block_means(s, 0).high;
    BlockMeans means = block_means(s, s.split);
    for (int move = 0; move < moves && means.low_count > 0; ++move) {
        s.split = outliers ? means.high : (means.low + means.high) / 2;
        means = block_means(s, s.split);
    }
    s.high_scale = block_scale(static_cast<float>(means.high));
    s.low_scale = block_scale(static_cast<float>(means.low));
    if (s.low_scale == s.high_scale) {
        s.split = 0;
        s.low_scale = 0;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s.count && s.low_scale == 0 && s.high_scale != 0; ++i) {
        const uint16_t index = s.indices[i];
        s.indices[kept] = index;
        kept += static_cast<double>(std::fabs(s.a[index])) >= s.split ? 1U : 0U;
    }
    s.count = s.low_scale == 0 ? kept : s.count;
}

// One tile by the threads of one block: feedback, selection, split, codes, leftovers.
template <class Block>
ASSAY_DEVICE void compress_block(Block& block,
                                 const CompressGrid& grid,
                                 uint64_t tile,
                                 CompressShared& s) {
    const uint64_t first = tile * kBlockValues;
    const uint32_t live = grid.live[tile];
    block.each([&](uint32_t thread) {
        if (thread == 0) {
            const uint32_t kept = (grid.keep * live + kBlockValues / 2) / kBlockValues;
            s.bad = 0;
            s.bound = 0;
            s.wanted = kept > 1 ? kept : 1;
        }
    });
    block.each([&](uint32_t thread) {
        for (uint32_t i = thread; i < kBlockValues; i += block.size()) {
            const float d = grid.theta_start[first + i] - grid.theta_end[first + i];
            const float a = std::fma(grid.beta, grid.e[first + i], d);
            s.a[i] = i < live ? a : 0.0F;
            if (block_magnitude(s.a[i]) >= 0x7f800000U) {
                block.add(&s.bad, 1);
            }
        }
    });
    if (s.bad == 0) {
        find_bound(block, s);
        gather(block, s);
    }
    block.each([&](uint32_t thread) {
        if (thread == 0) {
            if (s.bad == 0) {
                set_scales(s, grid.keep);
            }
            grid.heads[tile] = {static_cast<uint16_t>(s.count),
                                static_cast<uint16_t>(s.low_scale),
                                static_cast<uint16_t>(s.high_scale),
                                static_cast<uint16_t>(s.bad != 0 ? 1 : 0)};
        }
    });
    block.each([&](uint32_t thread) {
        for (uint32_t i = thread; i < s.count && s.bad == 0; i += block.size()) {
            const uint16_t index = s.indices[i];
            const float a = s.a[index];
            const bool high = static_cast<double>(std::fabs(a)) >= s.split;
            const uint32_t code = (block_bits(a) >> 31) << 1 | (high ? 1U : 0U);
            s.a[index] = a - block_value(code, s.low_scale, s.high_scale);
            grid.indices[tile * grid.keep + i] = index;
            grid.codes[tile * grid.keep + i] = static_cast<uint8_t>(code);
        }
    });
    block.each([&](uint32_t thread) {
        for (uint32_t i = thread; i < kBlockValues; i += block.size()) {
            grid.e_after[first + i] = s.a[i];
        }
    });
}

}  // namespace assay
