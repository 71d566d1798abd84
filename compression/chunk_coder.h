// compress_chunk and code_chunk at memory speed: the same codes and leftovers, bit for bit, by the
// path that kernel_path() names; the scalar path calls the truth itself.
//
// Selection searches a threshold on the bits of |a| instead of sorting; sums that are exact in any
// order are taken in any order, others as chunk_codec.h does. One thread owns a coder; it allocates
// nothing once the chunks that it fills have room.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "compression/chunk_codec.h"
#include "compression/read_ahead.h"
#include "core/merkle.h"
#include "kernels/kernel_path.h"

namespace assay {

class ChunkCoder {
public:
    // REQUIRES: this CPU has the path.
    explicit ChunkCoder(KernelPath path = kernel_path());

    // As compress_chunk. False where an `a` is not finite; e_after and out are unspecified then.
    // Reads ahead on the way.
    // REQUIRES: `in` holds 4096 values each, e_after 4096; e_after may be in.e; 0 < live <= 4096.
    [[nodiscard]] bool compress(const FeedbackIn& in,
                                uint64_t live,
                                uint32_t keep,
                                std::span<float> e_after,
                                ChunkCode& out,
                                ReadAhead& ahead);
    // As code_chunk, for a whole tile of which the first `live` values count.
    // REQUIRES: 4096 values, the live ones finite, zeros behind them.
    void code(std::span<float> values, uint64_t live, uint32_t keep, ChunkCode& out);

private:
    void select(const float* a, uint32_t k, ReadAhead& ahead);
    void narrow(uint32_t k);
    [[nodiscard]] ClassSplit split(SplitRule rule) const;
    void finish(float* a, SplitRule rule, ChunkCode& out, ReadAhead& ahead);

    const ChunkOps* ops_;  // null: the scalar path
    std::array<float, kChunkGroups> groups_{};
    std::array<uint64_t, kChunkBitmapWords> words_{};
    size_t count_ = 0;                                  // selected
    std::array<uint16_t, kTileValues + 16> indices_{};  // of them, increasing
    std::array<float, kTileValues + 16> magnitudes_{};
};

}  // namespace assay
