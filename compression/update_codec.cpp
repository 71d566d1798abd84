#include "compression/update_codec.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr uint64_t kSegmentEntries = 65536;
constexpr uint64_t kSegmentTilesMin = 16;
constexpr uint64_t kSegmentTilesMax = 1024;
constexpr size_t kLengthBytes = 4;

size_t segment_count(const ParameterLayout& layout, uint32_t keep) {
    const uint64_t tiles = segment_tiles(keep);
    return (layout.tile_count() + tiles - 1) / tiles;
}

std::string bytes_text(size_t count) {
    return std::to_string(count) + " bytes";
}

}  // namespace

uint64_t segment_tiles(uint32_t keep) {
    return std::clamp(
        kSegmentEntries / std::max<uint64_t>(1, keep), kSegmentTilesMin, kSegmentTilesMax);
}

UpdateCodec::UpdateCodec(const ParameterLayout& layout,
                         PayloadKind kind,
                         uint32_t keep,
                         int threads)
    : UpdateCodec(layout, kind, keep, nullptr, std::make_unique<ThreadPool>(threads)) {}

UpdateCodec::UpdateCodec(const ParameterLayout& layout,
                         PayloadKind kind,
                         uint32_t keep,
                         ThreadPool* pool)
    : UpdateCodec(
          layout, kind, keep, pool, pool == nullptr ? std::make_unique<ThreadPool>(1) : nullptr) {}

UpdateCodec::UpdateCodec(const ParameterLayout& layout,
                         PayloadKind kind,
                         uint32_t keep,
                         ThreadPool* pool,
                         std::unique_ptr<ThreadPool> own)
    : layout_(layout),
      kind_(kind),
      keep_(keep),
      header_(payload_header(kind, layout, keep)),
      segment_tiles_(segment_tiles(keep)),
      segments_(segment_count(layout, keep)),
      parts_(segments_),
      spans_(segments_),
      faults_(segments_),
      own_threads_(std::move(own)),
      threads_(pool == nullptr ? *own_threads_ : *pool) {
    tensor_of_tile_.reserve(layout.tile_count());
    for (size_t t = 0; t < layout.tensors.size(); ++t) {
        tensor_of_tile_.insert(
            tensor_of_tile_.end(), layout.tensors[t].tile_count(), static_cast<uint32_t>(t));
    }
    ASSAY_CHECK(keep > 0 && keep <= kTileValues);
    ASSAY_CHECK_EQ(tensor_of_tile_.size(), layout.tile_count());
    writers_.resize(static_cast<size_t>(threads_.threads()));
    readers_.resize(static_cast<size_t>(threads_.threads()), SegmentReader({}));
}

uint64_t UpdateCodec::last_tile(size_t segment) const {
    return std::min<uint64_t>(first_tile(segment + 1), tensor_of_tile_.size());
}

ChunkPlace UpdateCodec::place(uint64_t tile) const {
    const TensorLayout& tensor = layout_.tensors[tensor_of_tile_[tile]];
    const uint64_t first = (tile - tensor.first_tile) * kTileValues;
    return {std::min<uint64_t>(kTileValues, tensor.live() - first), tensor.columns, first};
}

void UpdateCodec::encode_segment(const SparseUpdate& update,
                                 size_t segment,
                                 SegmentWriter& writer) {
    writer.begin();
    for (uint64_t tile = first_tile(segment); tile < last_tile(segment); ++tile) {
        const ChunkPlace at = place(tile);
        const ChunkCode& chunk = update.chunks[tile];
        const Status checked = check_chunk(chunk, at.live, keep_);
        ASSAY_CHECK_MSG(checked.ok(), checked.reason());
        if (tile == first_tile(segment) || at.first == 0) {
            writer.begin_tensor(at.columns);
        }
        ReadAhead none;
        writer.add(chunk, at, keep_, none);
    }
    parts_[segment].clear();
    writer.finish(parts_[segment]);
}

void UpdateCodec::encode(const SparseUpdate& update, Bytes& out) {
    ASSAY_CHECK_EQ(update.chunks.size(), tensor_of_tile_.size());
    threads_.run(segments_, [&](size_t segment, size_t thread) {
        encode_segment(update, segment, writers_[thread]);
    });
    join_parts(out);
}

void UpdateCodec::join_parts(Bytes& out) const {
    size_t size = header_.size();
    for (const Bytes& part : parts_) {
        size += kLengthBytes + part.size();
    }
    if (size > out.capacity()) {
        out.reserve(size + size / 4);
    }
    out.assign(header_.begin(), header_.end());
    for (const Bytes& part : parts_) {
        for (size_t i = 0; i < kLengthBytes; ++i) {
            out.push_back(static_cast<uint8_t>(part.size() >> (8 * i)));
        }
    }
    for (const Bytes& part : parts_) {
        out.insert(out.end(), part.begin(), part.end());
    }
}

UpdateCodec::Fault UpdateCodec::decode_segment(size_t segment,
                                               SegmentReader& reader,
                                               SparseUpdate& out) const {
    reader.begin(spans_[segment]);
    for (uint64_t tile = first_tile(segment); tile < last_tile(segment); ++tile) {
        const ChunkPlace at = place(tile);
        if (tile == first_tile(segment) || at.first == 0) {
            reader.begin_tensor(at.columns);
        }
        if (const char* wrong = reader.read(at, keep_, out.chunks[tile]); wrong != nullptr) {
            return {wrong, tile, reader.position()};
        }
    }
    if (!reader.at_clean_end()) {
        return {"its segment has more behind it", last_tile(segment) - 1, reader.position()};
    }
    return {};
}

Error UpdateCodec::refusal(const Fault& fault) const {
    const TensorLayout& tensor = layout_.tensors[tensor_of_tile_[fault.tile]];
    return fail("payload refused at " + tensor.name + ", chunk " +
                std::to_string(fault.tile - tensor.first_tile) + ", byte " +
                std::to_string(fault.byte) + ": " + fault.reason);
}

Status UpdateCodec::decode(ByteSpan bytes, SparseUpdate& out) {
    const bool right_header =
        bytes.size() >= header_.size() && std::equal(header_.begin(), header_.end(), bytes.begin());
    if (!right_header) {
        Status why = check_payload_header(bytes, kind_, layout_, keep_);
        ASSAY_CHECK(!why.ok());
        return why;
    }
    size_t at = kPayloadHeaderBytes + kLengthBytes * segments_;
    if (bytes.size() < at + kSegmentBytesMin * segments_) {
        return fail("payload of " + bytes_text(bytes.size()) + " is too short for " +
                    std::to_string(segments_) + " segments");
    }
    for (size_t segment = 0; segment < segments_; ++segment) {
        uint32_t size = 0;
        const size_t field = kPayloadHeaderBytes + kLengthBytes * segment;
        for (size_t i = 0; i < kLengthBytes; ++i) {
            size |= uint32_t{bytes[field + i]} << (8 * i);
        }
        if (size > bytes.size() - at) {
            return fail("payload of " + bytes_text(bytes.size()) + " is too short for segment " +
                        std::to_string(segment) + " of " + bytes_text(size) + " (byte " +
                        std::to_string(field) + ")");
        }
        spans_[segment] = bytes.subspan(at, size);
        at += size;
    }
    if (at != bytes.size()) {
        return fail("payload has " + bytes_text(bytes.size() - at) +
                    " behind its last chunk (byte " + std::to_string(at) + ")");
    }
    out.chunks.resize(tensor_of_tile_.size());
    threads_.run(segments_, [&](size_t segment, size_t thread) {
        faults_[segment] = decode_segment(segment, readers_[thread], out);
    });
    for (size_t segment = 0; segment < segments_; ++segment) {
        if (faults_[segment].reason != nullptr) {
            Fault fault = faults_[segment];
            fault.byte += static_cast<size_t>(spans_[segment].data() - bytes.data());
            return refusal(fault);
        }
    }
    return {};
}

}  // namespace assay
