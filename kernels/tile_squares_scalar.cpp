// Eight chains side by side in plain C++: the truth, and all there is on arm64.
#include "core/merkle.h"
#include "kernels/tile_squares.h"

namespace assay {

namespace {

template <size_t kTiles>
void side_by_side(const float* values, double* sums) {
    double sum[kTiles] = {};
    for (size_t i = 0; i < kTileValues; ++i) {
        for (size_t t = 0; t < kTiles; ++t) {
            const double wide = static_cast<double>(values[t * kTileValues + i]);
            sum[t] += wide * wide;
        }
    }
    for (size_t t = 0; t < kTiles; ++t) {
        sums[t] = sum[t];
    }
}

}  // namespace

void tile_squares_scalar(const float* values, size_t tiles, double* sums) {
    size_t t = 0;
    for (; t + 8 <= tiles; t += 8) {
        side_by_side<8>(values + t * kTileValues, sums + t);
    }
    for (; t < tiles; ++t) {
        side_by_side<1>(values + t * kTileValues, sums + t);
    }
}

}  // namespace assay
