// Selection in the compressor's kernel: the k greatest of a chunk by the threads of one block.
//
// For compress_block.h. A Block has size() threads, at most kBlockThreads and a power of two;
// each(body) calls body(thread) for all of them and waits until all are done; add(where, n) adds to
// a number that others add to. What a phase writes is read in later phases alone. Variables outside
// of phases are the same in all threads. ASSAY_DEVICE: see block_arithmetic.h.

#pragma once

#include "compression/block_arithmetic.h"
#include "compression/chunk_device.h"

namespace assay {

// Memory that the threads of a block share.
struct CompressShared {
    float a[kBlockValues];
    uint32_t histogram[256];
    uint32_t ranks[2][kBlockThreads];
    uint16_t indices[kBlockValues];  // of what is kept, increasing
    uint32_t bad;
    uint32_t bound;   // magnitude of the least value that is kept
    uint32_t wanted;  // how many of those at the bound are
    uint32_t count;
    uint32_t low_scale;
    uint32_t high_scale;
    double split;
};

// Finds the k-th greatest magnitude, eight bits at a time from the top.
template <class Block>
ASSAY_DEVICE void find_bound(Block& block, CompressShared& s) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        block.each([&](uint32_t thread) {
            for (uint32_t i = thread; i < 256; i += block.size()) {
                s.histogram[i] = 0;
            }
        });
        block.each([&](uint32_t thread) {
            for (uint32_t i = thread; i < kBlockValues; i += block.size()) {
                const uint32_t bits = block_magnitude(s.a[i]);
                if (static_cast<uint64_t>(bits) >> (shift + 8) ==
                    static_cast<uint64_t>(s.bound) >> (shift + 8)) {
                    block.add(&s.histogram[(bits >> shift) & 255U], 1);
                }
            }
        });
        block.each([&](uint32_t thread) {
            if (thread == 0) {
                uint32_t digit = 255;
                for (; s.histogram[digit] < s.wanted; --digit) {
                    s.wanted -= s.histogram[digit];
                }
                s.bound |= digit << shift;
            }
        });
    }
}

// Indices of the values above the bound and of the first at it, in order. Zeros are never kept.
template <class Block>
ASSAY_DEVICE void gather(Block& block, CompressShared& s) {
    const uint32_t own = kBlockValues / block.size();  // consecutive values of a thread
    uint32_t* ranks = s.ranks[0];                      // values above; times 65536: at the bound
    uint32_t* next = s.ranks[1];
    block.each([&](uint32_t thread) {
        uint32_t found = 0;
        for (uint32_t i = thread * own; i < (thread + 1) * own; ++i) {
            const uint32_t bits = block_magnitude(s.a[i]);
            found += bits > s.bound ? 1U : 0U;
            found += bits == s.bound ? 65536U : 0U;
        }
        ranks[thread] = found;
    });
    for (uint32_t step = 1; step < block.size(); step *= 2) {
        block.each([&](uint32_t thread) {
            next[thread] = ranks[thread] + (thread >= step ? ranks[thread - step] : 0);
        });
        uint32_t* const last = ranks;
        ranks = next;
        next = last;
    }
    block.each([&](uint32_t thread) {
        const uint32_t before = thread == 0 ? 0 : ranks[thread - 1];
        const uint32_t wanted = s.bound == 0 ? 0 : s.wanted;
        uint32_t equal = before >> 16;
        uint32_t at = (before & 65535U) + (equal < wanted ? equal : wanted);
        for (uint32_t i = thread * own; i < (thread + 1) * own; ++i) {
            const uint32_t bits = block_magnitude(s.a[i]);
            const bool at_bound = bits == s.bound;
            if (bits > s.bound || (at_bound && equal < wanted)) {
                s.indices[at] = static_cast<uint16_t>(i);
                ++at;
            }
            equal += at_bound ? 1U : 0U;
        }
        if (thread == block.size() - 1) {
            s.count = at;
        }
    });
}

}  // namespace assay
