// A sparse update, peer's payload or aggregate, and its one canonical byte string.
//
// decode_update takes bytes of strangers: accepted are exactly those that encode_update can
// produce; a refusal names tensor, chunk and byte. Format: docs/compression.md. Stateless; any
// thread.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compression/chunk_codec.h"
#include "compression/settings.h"
#include "protocol/layout.h"

namespace assay {

class ThreadPool;

struct SparseUpdate {
    std::vector<ChunkCode> chunks;  // one per tile, in layout order

    bool operator==(const SparseUpdate&) const = default;
};

// What the bytes are for; they say so in their header. Frozen.
enum class PayloadKind : uint8_t {
    kSparse = 1,
    kDense = 2,
    kSparseAggregate = 3,
    kDenseAggregate = 4
};

constexpr size_t kPayloadHeaderBytes = 40;
// "ASUP", version 2, kind, u16 keep (0: dense), layout digest.
Bytes payload_header(PayloadKind kind, const ParameterLayout& layout, uint32_t keep);
Status check_payload_header(ByteSpan bytes,
                            PayloadKind kind,
                            const ParameterLayout& layout,
                            uint32_t keep);

// A peer's payload. REQUIRES: one canonical chunk a tile (check_chunk).
Bytes encode_update(const SparseUpdate& update,
                    const ParameterLayout& layout,
                    const CompressionSettings& settings);
Result<SparseUpdate> decode_update(ByteSpan bytes,
                                   const ParameterLayout& layout,
                                   const CompressionSettings& settings,
                                   ThreadPool* threads = nullptr);

// The same for any kind and any number of kept values. Null threads: the caller alone.
Bytes encode_sparse(const SparseUpdate& update,
                    const ParameterLayout& layout,
                    PayloadKind kind,
                    uint32_t keep,
                    ThreadPool* threads = nullptr);
Result<SparseUpdate> decode_sparse(ByteSpan bytes,
                                   const ParameterLayout& layout,
                                   PayloadKind kind,
                                   uint32_t keep,
                                   ThreadPool* threads = nullptr);

// Most bytes that encode_sparse can produce: what to fetch at most.
uint64_t sparse_bytes_max(const ParameterLayout& layout, uint32_t keep);

// Writes the update's values, zeros elsewhere. REQUIRES: out has layout.value_count() values.
void expand_update(const SparseUpdate& update, std::span<float> out);

// ||q||^2 of each strip (core/tile_strips.h), kStripsPerTile a chunk: the weights of half of the
// draws of what is opened.
std::vector<double> strip_energies(const SparseUpdate& update);

// Entries of all chunks together.
uint64_t kept_values(const SparseUpdate& update);
// All bytes, header included, over the kept values; 0 if none is kept.
double bits_per_kept_value(const SparseUpdate& update, uint64_t bytes);

}  // namespace assay
