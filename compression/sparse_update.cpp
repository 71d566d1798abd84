#include "compression/sparse_update.h"

#include <algorithm>

#include "compression/chunk_bits.h"

namespace assay {

namespace {

constexpr std::string_view kMagic = "ASUP";
constexpr uint8_t kVersion = 1;

std::string where(const ParameterLayout& layout, uint64_t tile, size_t byte) {
    const TensorLayout& tensor = layout.tensor_of_tile(tile);
    return tensor.name + ", chunk " + std::to_string(tile - tensor.first_tile) + ", byte " +
           std::to_string(byte);
}

uint64_t sparse_bytes_min(const ParameterLayout& layout) {
    return kPayloadHeaderBytes + (layout.tile_count() * kChunkBitsMin + 7) / 8;
}

uint32_t keep_of(const CompressionSettings& settings) {
    return static_cast<uint32_t>(settings.keep);
}

// Calls visit(tile, live) for each tile in order; stops at the first failure.
template <typename Visit>
Status for_each_tile(const ParameterLayout& layout, const Visit& visit) {
    for (const TensorLayout& tensor : layout.tensors) {
        uint64_t left = tensor.live();
        for (uint64_t tile = tensor.first_tile; left > 0; ++tile) {
            const uint64_t live = std::min<uint64_t>(kTileValues, left);
            if (Status done = visit(tile, live); !done) {
                return done;
            }
            left -= live;
        }
    }
    return {};
}

}  // namespace

Bytes payload_header(PayloadKind kind, const ParameterLayout& layout, uint32_t keep) {
    ByteWriter writer;
    writer.raw(as_bytes(kMagic));
    writer.u8(kVersion);
    writer.u8(static_cast<uint8_t>(kind));
    writer.u16(static_cast<uint16_t>(keep));
    writer.raw(layout.digest().span());
    return writer.take();
}

Status check_payload_header(ByteSpan bytes,
                            PayloadKind kind,
                            const ParameterLayout& layout,
                            uint32_t keep) {
    ByteReader reader(bytes);
    const ByteSpan magic = reader.raw(kMagic.size());
    const uint8_t version = reader.u8();
    const uint8_t got_kind = reader.u8();
    const uint16_t got_keep = reader.u16();
    const ByteSpan digest = reader.raw(Digest::kSize);
    if (!reader.ok()) {
        return fail("payload of " + std::to_string(bytes.size()) + " bytes has no whole header");
    }
    if (to_text(magic) != kMagic || version != kVersion) {
        return fail("payload does not begin with ASUP, version 1 (byte 0)");
    }
    if (got_kind != static_cast<uint8_t>(kind)) {
        return fail("payload is of kind " + std::to_string(got_kind) + ", expected " +
                    std::to_string(static_cast<int>(kind)) + " (byte 5)");
    }
    if (got_keep != keep) {
        return fail("payload keeps " + std::to_string(got_keep) + " of 4096 values, the run " +
                    std::to_string(keep) + " (byte 6)");
    }
    const Digest expected = layout.digest();
    if (!std::equal(digest.begin(), digest.end(), expected.bytes.begin())) {
        return fail("payload is for another parameter layout (byte 8)");
    }
    return {};
}

Bytes encode_update(const SparseUpdate& update,
                    const ParameterLayout& layout,
                    const CompressionSettings& settings) {
    return encode_sparse(update, layout, PayloadKind::kSparse, keep_of(settings));
}

Result<SparseUpdate> decode_update(ByteSpan bytes,
                                   const ParameterLayout& layout,
                                   const CompressionSettings& settings) {
    return decode_sparse(bytes, layout, PayloadKind::kSparse, keep_of(settings));
}

Bytes encode_sparse(const SparseUpdate& update,
                    const ParameterLayout& layout,
                    PayloadKind kind,
                    uint32_t keep) {
    ASSAY_CHECK_EQ(update.chunks.size(), layout.tile_count());
    BitWriter out(payload_header(kind, layout, keep));
    const Status written = for_each_tile(layout, [&](uint64_t tile, uint64_t live) {
        const ChunkCode& chunk = update.chunks[tile];
        Status checked = check_chunk(chunk, live, keep);
        if (checked) {
            write_chunk(out, chunk, live, keep);
        }
        return checked;
    });
    CHECK_MSG(written.ok(), written.reason());
    return out.finish();
}

Result<SparseUpdate> decode_sparse(ByteSpan bytes,
                                   const ParameterLayout& layout,
                                   PayloadKind kind,
                                   uint32_t keep) {
    if (Status header = check_payload_header(bytes, kind, layout, keep); !header) {
        return header.error();
    }
    if (bytes.size() < sparse_bytes_min(layout)) {
        return fail("payload of " + std::to_string(bytes.size()) + " bytes is too short for " +
                    std::to_string(layout.tile_count()) + " chunks");
    }
    SparseUpdate update;
    update.chunks.reserve(layout.tile_count());
    BitReader in(bytes, kPayloadHeaderBytes);
    const Status read = for_each_tile(layout, [&](uint64_t tile, uint64_t live) -> Status {
        Result<ChunkCode> chunk = read_chunk(in, live, keep);
        if (!chunk) {
            return fail("payload refused at " + where(layout, tile, in.byte()) + ": " +
                        chunk.reason());
        }
        update.chunks.push_back(std::move(*chunk));
        return {};
    });
    if (!read) {
        return read.error();
    }
    if (!in.at_clean_end()) {
        return fail("payload has bits behind its last chunk (byte " + std::to_string(in.byte()) +
                    " of " + std::to_string(bytes.size()) + ")");
    }
    return update;
}

uint64_t sparse_bytes_max(const ParameterLayout& layout, uint32_t keep) {
    const uint64_t full_bits = chunk_bits_max(kTileValues, keep);
    uint64_t bits = 0;
    for (const TensorLayout& tensor : layout.tensors) {
        bits += tensor.live() / kTileValues * full_bits;
        const uint64_t rest = tensor.live() % kTileValues;
        bits += rest > 0 ? chunk_bits_max(rest, keep) : 0;
    }
    return kPayloadHeaderBytes + (bits + 7) / 8;
}

void expand_update(const SparseUpdate& update, std::span<float> out) {
    ASSAY_CHECK_EQ(out.size(), update.chunks.size() * kTileValues);
    for (size_t tile = 0; tile < update.chunks.size(); ++tile) {
        decode_chunk(update.chunks[tile], out.subspan(tile * kTileValues, kTileValues));
    }
}

std::vector<double> chunk_energies(const SparseUpdate& update) {
    std::vector<double> energies;
    energies.reserve(update.chunks.size());
    for (const ChunkCode& chunk : update.chunks) {
        energies.push_back(chunk_energy(chunk));
    }
    return energies;
}

uint64_t kept_values(const SparseUpdate& update) {
    uint64_t kept = 0;
    for (const ChunkCode& chunk : update.chunks) {
        kept += chunk.indices.size();
    }
    return kept;
}

double bits_per_kept_value(const SparseUpdate& update, uint64_t bytes) {
    const uint64_t kept = kept_values(update);
    return kept == 0 ? 0.0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(kept);
}

}  // namespace assay
