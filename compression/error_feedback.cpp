#include "compression/error_feedback.h"

#include <algorithm>

namespace assay {

Result<Compressed> compress(std::span<const float> theta_start,
                            std::span<const float> theta_end,
                            std::span<float> e,
                            const ParameterLayout& layout,
                            const CompressionSettings& settings) {
    ASSAY_CHECK_EQ(theta_start.size(), layout.value_count());
    ASSAY_CHECK_EQ(theta_end.size(), layout.value_count());
    ASSAY_CHECK_EQ(e.size(), layout.value_count());
    const auto keep = static_cast<uint32_t>(settings.keep);
    const auto beta = static_cast<float>(settings.beta);
    std::vector<float> e_after(e.size());
    Compressed result;
    result.update.chunks.reserve(layout.tile_count());
    for (uint64_t tile = 0; tile < layout.tile_count(); ++tile) {
        const uint64_t first = tile * kTileValues;
        Result<ChunkCode> chunk = compress_chunk(theta_start.subspan(first, kTileValues),
                                                 theta_end.subspan(first, kTileValues),
                                                 e.subspan(first, kTileValues),
                                                 layout.live_in_tile(tile),
                                                 beta,
                                                 keep,
                                                 std::span(e_after).subspan(first, kTileValues));
        if (!chunk) {
            const TensorLayout& tensor = layout.tensor_of_tile(tile);
            return fail("cannot compress " + tensor.name + ", chunk " +
                        std::to_string(tile - tensor.first_tile) + ": " + chunk.reason());
        }
        result.update.chunks.push_back(std::move(*chunk));
    }
    result.bytes = encode_update(result.update, layout, settings);
    std::copy(e_after.begin(), e_after.end(), e.begin());
    return result;
}

SparseUpdate code_values(std::span<float> values, const ParameterLayout& layout, uint32_t keep) {
    ASSAY_CHECK_EQ(values.size(), layout.value_count());
    SparseUpdate update;
    update.chunks.reserve(layout.tile_count());
    for (uint64_t tile = 0; tile < layout.tile_count(); ++tile) {
        const std::span<float> chunk =
            values.subspan(tile * kTileValues, layout.live_in_tile(tile));
        update.chunks.push_back(code_chunk(chunk, keep));
    }
    return update;
}

}  // namespace assay
