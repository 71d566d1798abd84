#include "model/tile_digests.h"

#include "core/check.h"

namespace assay {

std::vector<Digest> tile_digests(ThreadPool& pool, std::span<const float> values) {
    ASSAY_CHECK_EQ(values.size() % kTileValues, size_t{0});
    std::vector<Digest> tiles(values.size() / kTileValues);
    pool.run_ranges(tiles.size(), 1, [&](size_t first, size_t last, size_t) {
        for (size_t i = first; i < last; ++i) {
            tiles[i] = tile_digest(i, values.subspan(i * kTileValues, kTileValues));
        }
    });
    return tiles;
}

}  // namespace assay
