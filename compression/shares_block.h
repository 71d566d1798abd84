// The aggregate's kernels: one thread a payload's chunk for energies, one block of threads a chunk
// for shares and their sum. Twins of chunk_energy and ShareAdder, bit for bit; free of CUDA's types
// (see select_block.h for Block).

#pragma once

#include "compression/block_arithmetic.h"
#include "compression/chunk_device.h"

namespace assay {

// Memory that the threads of a block share.
struct SharesShared {
    float sum[kBlockValues];
    uint16_t senders[kBlockValues];
};

// ||q||^2 in index order. `at` counts peers and tiles: [peer][tile].
ASSAY_DEVICE inline double energy_of(const PayloadGrid& payloads, uint64_t at) {
    const ChunkHead head = payloads.heads[at];
    const uint8_t* codes = payloads.codes + at * payloads.keep;
    double energy = 0;
    for (uint32_t i = 0; i < head.count; ++i) {
        const double value =
            static_cast<double>(block_value(codes[i], head.low_scale, head.high_scale));
        energy += value * value;
    }
    return energy;
}

// Entry i of a peer's chunk as its share, after all clips.
ASSAY_DEVICE inline float share_of_entry(const PayloadGrid& payloads,
                                         const ShareGrid& grid,
                                         uint64_t peer,
                                         uint64_t tile,
                                         uint32_t i,
                                         const SharesShared& s) {
    const uint64_t at = peer * payloads.tiles + tile;
    const ChunkHead head = payloads.heads[at];
    const uint32_t code = payloads.codes[at * payloads.keep + i];
    const uint16_t index = payloads.indices[at * payloads.keep + i];
    const float clipped = block_value(code, head.low_scale, head.high_scale) * grid.clips[at];
    const float weighted = clipped * grid.weights[peer];
    const float mean = weighted / (grid.per_entry ? static_cast<float>(s.senders[index]) : 1.0F);
    return mean * grid.caps[peer];
}

// One tile by the threads of one block: the sum of all shares, peers in order.
template <class Block>
ASSAY_DEVICE void add_shares_block(Block& block,
                                   const PayloadGrid& payloads,
                                   const ShareGrid& grid,
                                   uint64_t tile,
                                   SharesShared& s) {
    block.each([&](uint32_t thread) {
        for (uint32_t i = thread; i < kBlockValues; i += block.size()) {
            s.sum[i] = 0;
            s.senders[i] = 0;
        }
    });
    // A peer names an index once: within a phase each has one thread.
    for (uint64_t peer = 0; peer < payloads.peers; ++peer) {
        const uint64_t at = peer * payloads.tiles + tile;
        const uint32_t count = payloads.heads[at].count;
        block.each([&](uint32_t thread) {
            for (uint32_t i = thread; i < count; i += block.size()) {
                ++s.senders[payloads.indices[at * payloads.keep + i]];
            }
        });
    }
    for (uint64_t peer = 0; peer < payloads.peers; ++peer) {
        const uint64_t at = peer * payloads.tiles + tile;
        const uint32_t count = payloads.heads[at].count;
        block.each([&](uint32_t thread) {
            for (uint32_t i = thread; i < count; i += block.size()) {
                s.sum[payloads.indices[at * payloads.keep + i]] +=
                    share_of_entry(payloads, grid, peer, tile, i, s);
            }
        });
    }
    block.each([&](uint32_t thread) {
        for (uint32_t i = thread; i < kBlockValues; i += block.size()) {
            grid.sum[tile * kBlockValues + i] = s.sum[i];
        }
        // One thread a peer: each sum is in index order.
        for (uint64_t peer = thread; peer < payloads.peers; peer += block.size()) {
            const uint64_t at = peer * payloads.tiles + tile;
            double squares = 0;
            for (uint32_t i = 0; i < payloads.heads[at].count; ++i) {
                const double share =
                    static_cast<double>(share_of_entry(payloads, grid, peer, tile, i, s));
                squares += share * share;
            }
            grid.squares[at] = squares;
        }
    });
}

}  // namespace assay
