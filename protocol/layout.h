// The one order of a model's parameters in its flat fp32 buffer. Part of the manifest.
//
// Each tensor starts at a whole tile (4096 values) and is padded to whole tiles with zeros that
// stay zero; theta, gradients, m, v and e all share this order. A tile is also a compressor chunk.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/digest.h"
#include "core/merkle.h"

namespace assay {

struct TensorLayout {
    std::string name;   // Hugging Face name, e.g. model.layers.0.self_attn.q_proj.weight
    uint64_t rows = 1;  // 1 for vectors
    uint64_t columns = 0;
    uint64_t first_tile = 0;

    [[nodiscard]] uint64_t live() const { return rows * columns; }
    [[nodiscard]] uint64_t tile_count() const { return (live() + kTileValues - 1) / kTileValues; }
    [[nodiscard]] uint64_t first_value() const { return first_tile * kTileValues; }
    // Weight decay applies to matrices alone, as is usual for norm weights.
    [[nodiscard]] bool decayed() const { return rows > 1; }
};

struct ParameterLayout {
    std::vector<TensorLayout> tensors;

    // Appends a tensor behind the last one.
    void add(std::string name, uint64_t rows, uint64_t columns);
    [[nodiscard]] uint64_t tile_count() const;
    [[nodiscard]] uint64_t value_count() const { return tile_count() * kTileValues; }
    [[nodiscard]] uint64_t live_count() const;
    // The tensor that tile belongs to. REQUIRES: tile < tile_count().
    [[nodiscard]] const TensorLayout& tensor_of_tile(uint64_t tile) const;
    // Live values in a tile: kTileValues but for a tensor's last one.
    [[nodiscard]] uint64_t live_in_tile(uint64_t tile) const;
    [[nodiscard]] Digest digest() const;
};

}  // namespace assay
