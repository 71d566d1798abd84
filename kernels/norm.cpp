#include "kernels/norm.h"

#include <algorithm>
#include <cmath>

#include "core/merkle.h"

namespace assay {

namespace {

double tile_sum(std::span<const float> tile) {
    double sum = 0;
    for (const float value : tile) {
        const double wide = value;
        sum += wide * wide;
    }
    return sum;
}

}  // namespace

double squared_norm(std::span<const float> values) {
    double total = 0;
    for (size_t first = 0; first < values.size(); first += kTileValues) {
        total += tile_sum(values.subspan(first, std::min(kTileValues, values.size() - first)));
    }
    return total;
}

float clip_scale(double squared_norm, float clip) {
    const double norm = std::sqrt(squared_norm);
    if (clip == 0 || !(norm > static_cast<double>(clip))) {
        return 1.0F;
    }
    return static_cast<float>(static_cast<double>(clip) / norm);
}

void scale_in_place(std::span<float> values, float scale) {
    for (float& value : values) {
        value *= scale;
    }
}

}  // namespace assay
