#include "kernels/norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/check.h"
#include "core/merkle.h"
#include "kernels/kernel_path.h"
#include "kernels/rows_paths.h"

namespace assay {

static_assert(kTileValues % 64 == 0, "the vector paths take a tile in whole registers");

namespace {

// The last tile, if it is short.
double short_tile_squares(std::span<const float> tile) {
    double sum = 0;
    for (const float value : tile) {
        const double wide = static_cast<double>(value);
        sum += wide * wide;
    }
    return sum;
}

double total_of(std::span<const double> sums, double total) {
    for (const double sum : sums) {
        total += sum;
    }
    return total;
}

}  // namespace

double squared_norm(std::span<const float> values) {
    constexpr size_t kTogether = 64;
    const RowsPath& path = rows_path(kernel_path());
    const size_t tiles = values.size() / kTileValues;
    double sums[kTogether];
    double total = 0;
    for (size_t first = 0; first < tiles; first += kTogether) {
        const size_t count = std::min(kTogether, tiles - first);
        path.tile_squares(values.data() + first * kTileValues, count, sums);
        total = total_of({sums, count}, total);
    }
    return total + short_tile_squares(values.subspan(tiles * kTileValues));
}

double squared_norm(ThreadPool& pool, std::span<const float> values) {
    constexpr size_t kGrainTiles = 8;
    const RowsPath& path = rows_path(kernel_path());
    const size_t tiles = values.size() / kTileValues;
    std::vector<double> sums(tiles);
    pool.run_ranges(tiles, kGrainTiles, [&](size_t first, size_t last, size_t) {
        path.tile_squares(values.data() + first * kTileValues, last - first, sums.data() + first);
    });
    return total_of(sums, 0) + short_tile_squares(values.subspan(tiles * kTileValues));
}

float clip_scale(double squared_norm, float clip) {
    ASSAY_CHECK(clip >= 0);
    ASSAY_CHECK(squared_norm >= 0);  // a sum of squares that is a number: seen to by the caller
    const double norm = std::sqrt(squared_norm);
    if (clip == 0 || !(norm > static_cast<double>(clip))) {
        return 1.0F;
    }
    return static_cast<float>(static_cast<double>(clip) / norm);
}

void scale_in_place(std::span<float> values, float scale) {
    if (scale != 1.0F) {
        rows_path(kernel_path()).scale(values.size(), values.data(), scale);
    }
}

void scale_in_place(ThreadPool& pool, std::span<float> values, float scale) {
    if (scale == 1.0F) {
        return;
    }
    const RowsPath& path = rows_path(kernel_path());
    pool.run_ranges(values.size(), kGrainValues, [&](size_t first, size_t last, size_t) {
        path.scale(last - first, values.data() + first, scale);
    });
}

}  // namespace assay
