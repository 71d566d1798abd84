// A tile's digest as the top of a tree over 16 strips of 256 values, so that a strip can be shown
// without its tile.
//
// strip = H("strip" | u64 number in the buffer | bytes); four neighbours join as H("strips" | the
// four), twice. What is elementwise is checked on strips (verify/chunk_audit.h): a sixteenth of the
// bytes.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/merkle.h"

namespace assay {

constexpr size_t kStripValues = 256;
constexpr size_t kStripsPerTile = kTileValues / kStripValues;
constexpr size_t kStripFan = 4;  // nodes that join into one
static_assert(kStripFan * kStripFan == kStripsPerTile);

// The other nodes of each joining in a strip's way up, in their order: three of its own row, then
// three of the row above.
constexpr size_t kStripPathLength = 2 * (kStripFan - 1);
using StripPath = std::array<Digest, kStripPathLength>;

// REQUIRES: kTileValues values, strip < kStripsPerTile.
StripPath strip_path(uint64_t tile, std::span<const float> values, uint32_t strip);
// Digest of the tile that holds `values` as its strip, with this path. Safe on any values.
// REQUIRES: kStripValues values, strip < kStripsPerTile.
Digest tile_of_strip(uint64_t tile,
                     uint32_t strip,
                     std::span<const float> values,
                     const StripPath& path);

}  // namespace assay
