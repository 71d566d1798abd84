#include "compression/sparse_update.h"

#include <algorithm>

#include "compression/update_codec.h"
#include "core/check.h"
#include "core/tile_strips.h"

namespace assay {

namespace {

constexpr std::string_view kMagic = "ASUP";
constexpr uint8_t kVersion = 2;

uint32_t keep_of(const CompressionSettings& settings) {
    return static_cast<uint32_t>(settings.keep);
}

}  // namespace

Bytes payload_header(PayloadKind kind, const ParameterLayout& layout, uint32_t keep) {
    ASSAY_CHECK_LE(keep, uint32_t{kTileValues});  // u16 on the wire
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
        return fail("payload does not begin with ASUP, version 2 (byte 0)");
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
                                   const CompressionSettings& settings,
                                   ThreadPool* threads) {
    return decode_sparse(bytes, layout, PayloadKind::kSparse, keep_of(settings), threads);
}

Bytes encode_sparse(const SparseUpdate& update,
                    const ParameterLayout& layout,
                    PayloadKind kind,
                    uint32_t keep,
                    ThreadPool* threads) {
    Bytes bytes;
    UpdateCodec(layout, kind, keep, threads).encode(update, bytes);
    return bytes;
}

Result<SparseUpdate> decode_sparse(ByteSpan bytes,
                                   const ParameterLayout& layout,
                                   PayloadKind kind,
                                   uint32_t keep,
                                   ThreadPool* threads) {
    SparseUpdate update;
    Status decoded = UpdateCodec(layout, kind, keep, threads).decode(bytes, update);
    return decoded ? Result<SparseUpdate>(std::move(update)) : decoded.error();
}

uint64_t sparse_bytes_max(const ParameterLayout& layout, uint32_t keep) {
    uint64_t bits = 0;
    for (const TensorLayout& tensor : layout.tensors) {
        const uint64_t rest = tensor.live() % kTileValues;
        bits += tensor.tile_count() * kChunkBitsMax;
        bits += tensor.live() / kTileValues * kept_count(kTileValues, keep) * kEntryBitsMax;
        bits += rest > 0 ? kept_count(rest, keep) * kEntryBitsMax : 0;
    }
    const uint64_t segments = layout.tile_count() / segment_tiles(keep) + 1;
    return kPayloadHeaderBytes + segments * (4 + kSegmentBytesMin + 8) + bits / 8;
}

void expand_update(const SparseUpdate& update, std::span<float> out) {
    ASSAY_CHECK_EQ(out.size(), update.chunks.size() * kTileValues);
    for (size_t tile = 0; tile < update.chunks.size(); ++tile) {
        decode_chunk(update.chunks[tile], out.subspan(tile * kTileValues, kTileValues));
    }
}

std::vector<double> strip_energies(const SparseUpdate& update) {
    std::vector<double> energies(update.chunks.size() * kStripsPerTile, 0.0);
    for (size_t c = 0; c < update.chunks.size(); ++c) {
        const ChunkCode& chunk = update.chunks[c];
        ASSAY_CHECK_EQ(chunk.indices.size(), chunk.codes.size());
        for (size_t i = 0; i < chunk.indices.size(); ++i) {
            ASSAY_CHECK_LT(size_t{chunk.indices[i]}, kTileValues);
            const auto value = static_cast<double>(chunk.value(i));
            energies[c * kStripsPerTile + chunk.indices[i] / kStripValues] += value * value;
        }
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
