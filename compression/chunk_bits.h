// The bits of one chunk inside a sparse update (docs/compression.md, "Bytes").
//
// Only sparse_update.cpp and tests include this. read_chunk takes strangers' bits.

#pragma once

#include <cstdint>
#include <string>

#include "compression/bit_stream.h"
#include "compression/chunk_codec.h"

namespace assay {

// Rice parameter for `count` indices out of `live`: 5 at 64 of 4096. REQUIRES: 0 < count <= live.
uint32_t rice_parameter(uint64_t live, uint64_t count);

// REQUIRES: check_chunk(chunk, live, keep).ok().
void write_chunk(BitWriter& out, const ChunkCode& chunk, uint64_t live, uint32_t keep);

// Fails on what write_chunk cannot have written. Never allocates more than two bytes a bit read.
Result<ChunkCode> read_chunk(BitReader& in, uint64_t live, uint32_t keep);

// Fewest and most bits that write_chunk can produce.
constexpr uint64_t kChunkBitsMin = 15;
uint64_t chunk_bits_max(uint64_t live, uint32_t keep);

}  // namespace assay
