#include "protocol/layout.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/limits.h"

namespace assay {

void ParameterLayout::add(std::string name, uint64_t rows, uint64_t columns) {
    ASSAY_CHECK(rows > 0 && columns > 0);
    ASSAY_CHECK_LE(rows, limits::kTilesMax * kTileValues / columns);  // live() does not wrap
    tensors.push_back({std::move(name), rows, columns, tile_count()});
    ASSAY_CHECK_LE(tile_count(), limits::kTilesMax);
}

uint64_t ParameterLayout::tile_count() const {
    return tensors.empty() ? 0 : tensors.back().first_tile + tensors.back().tile_count();
}

uint64_t ParameterLayout::live_count() const {
    uint64_t count = 0;
    for (const TensorLayout& tensor : tensors) {
        count += tensor.live();
    }
    return count;
}

const TensorLayout& ParameterLayout::tensor_of_tile(uint64_t tile) const {
    ASSAY_CHECK_LT(tile, tile_count());
    const auto after = std::upper_bound(
        tensors.begin(), tensors.end(), tile, [](uint64_t wanted, const TensorLayout& tensor) {
            return wanted < tensor.first_tile;
        });
    const TensorLayout& found = *(after - 1);
    ASSAY_CHECK_LT(tile - found.first_tile, found.tile_count());  // no gap between tensors
    return found;
}

uint64_t ParameterLayout::live_in_tile(uint64_t tile) const {
    const TensorLayout& tensor = tensor_of_tile(tile);
    const uint64_t before = (tile - tensor.first_tile) * kTileValues;
    return std::min<uint64_t>(kTileValues, tensor.live() - before);
}

Digest ParameterLayout::digest() const {
    ByteWriter writer;
    for (const TensorLayout& tensor : tensors) {
        writer.text(tensor.name);
        writer.u64(tensor.rows);
        writer.u64(tensor.columns);
        writer.u64(tensor.first_tile);
    }
    return sha256("layout", writer.bytes());
}

}  // namespace assay
