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

SparseUpdate code_values(std::span<float> values, const ParameterLayout& layout, uint32_t keep) {
    ASSAY_CHECK_EQ(values.size(), layout.value_count());
    SparseUpdate update;
    update.chunks.resize(layout.tile_count());
    ChunkCoder coder;
    for (const TensorLayout& tensor : layout.tensors) {
        for (uint64_t chunk = 0; chunk < tensor.tile_count(); ++chunk) {
            const uint64_t tile = tensor.first_tile + chunk;
            const uint64_t live =
                std::min<uint64_t>(kTileValues, tensor.live() - chunk * kTileValues);
            coder.code(
                values.subspan(tile * kTileValues, kTileValues), live, keep, update.chunks[tile]);
        }
    }
    return update;
}

}  // namespace assay
