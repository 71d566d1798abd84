#include "compression/error_feedback.h"

#include <algorithm>

#include "compression/compressor.h"

namespace assay {

Result<Compressed> compress(std::span<const float> theta_start,
                            std::span<const float> theta_end,
                            std::span<float> e,
                            const ParameterLayout& layout,
                            const CompressionSettings& settings) {
    std::vector<float> e_after(e.size());
    Compressed result;
    Compressor compressor(layout, settings);
    if (Status done =
            compressor.compress(theta_start, theta_end, e, e_after, result.update, result.bytes);
        !done) {
        return done.error();
    }
    std::copy(e_after.begin(), e_after.end(), e.begin());
    return result;
}

SparseUpdate code_values(std::span<float> values,
                         const ParameterLayout& layout,
                         uint32_t keep,
                         ThreadPool* threads) {
    ASSAY_CHECK_EQ(values.size(), layout.value_count());
    SparseUpdate update;
    update.chunks.resize(layout.tile_count());
    ThreadPool alone(1);
    ThreadPool& pool = threads == nullptr ? alone : *threads;
    std::vector<ChunkCoder> coders(static_cast<size_t>(pool.threads()));
    pool.run_ranges(layout.tile_count(), 1, [&](uint64_t first, uint64_t last, size_t thread) {
        for (uint64_t tile = first; tile < last; ++tile) {
            coders[thread].code(values.subspan(tile * kTileValues, kTileValues),
                                layout.live_in_tile(tile),
                                keep,
                                update.chunks[tile]);
        }
    });
    return update;
}

}  // namespace assay
