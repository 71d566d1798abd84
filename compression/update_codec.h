// A sparse update to bytes and back, with its buffers kept and its segments shared among threads.
//
// The bytes do not depend on the number of threads. Decoding takes strangers' bytes: accepted are
// exactly those that encoding can produce. One thread owns a codec.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compression/segment_coder.h"
#include "compression/sparse_update.h"
#include "kernels/thread_pool.h"

namespace assay {

class UpdateCodec {
public:
    // REQUIRES: the layout outlives the codec; threads > 0.
    UpdateCodec(const ParameterLayout& layout, PayloadKind kind, uint32_t keep, int threads = 1);
    // With the threads of a pool that outlives the codec; those of null are the caller alone.
    UpdateCodec(const ParameterLayout& layout, PayloadKind kind, uint32_t keep, ThreadPool* pool);

    // REQUIRES: one canonical chunk a tile (check_chunk).
    void encode(const SparseUpdate& update, Bytes& out);
    // The same for an update whose chunks are made one by one right before they are coded, by this
    // thread: make(tile, place, chunk, ahead) fills the canonical chunk at chunk_of(tile), or
    // returns false to stop. Returns whether all were made.
    template <class ChunkOf, class Make>
    bool encode_made(const ChunkOf& chunk_of, const Make& make, Bytes& out);
    // `out` is unspecified after a failure, which names tensor, chunk and byte.
    Status decode(ByteSpan bytes, SparseUpdate& out);

    [[nodiscard]] ThreadPool& threads() { return threads_; }

    // The place of each tile.
    [[nodiscard]] ChunkPlace place(uint64_t tile) const;

private:
    UpdateCodec(const ParameterLayout& layout,
                PayloadKind kind,
                uint32_t keep,
                ThreadPool* pool,
                std::unique_ptr<ThreadPool> own);
    struct Fault {
        const char* reason = nullptr;  // null: none
        uint64_t tile = 0;             // of the segment's tiles, or behind them
        size_t byte = 0;
    };
    void encode_segment(const SparseUpdate& update, size_t segment, SegmentWriter& writer);
    void join_parts(Bytes& out) const;
    Fault decode_segment(size_t segment, SegmentReader& reader, SparseUpdate& out) const;
    [[nodiscard]] uint64_t first_tile(size_t segment) const { return segment * segment_tiles_; }
    [[nodiscard]] uint64_t last_tile(size_t segment) const;
    [[nodiscard]] Error refusal(const Fault& fault) const;

    const ParameterLayout& layout_;
    const PayloadKind kind_;
    const uint32_t keep_;
    const Bytes header_;
    const uint64_t segment_tiles_;
    const size_t segments_;
    std::vector<uint32_t> tensor_of_tile_;
    std::vector<SegmentWriter> writers_;  // one a thread
    std::vector<SegmentReader> readers_;
    std::vector<Bytes> parts_;  // one a segment
    std::vector<ByteSpan> spans_;
    std::vector<Fault> faults_;
    std::unique_ptr<ThreadPool> own_threads_;
    ThreadPool& threads_;
};

template <class ChunkOf, class Make>
bool UpdateCodec::encode_made(const ChunkOf& chunk_of, const Make& make, Bytes& out) {
    SegmentWriter& writer = writers_[0];
    for (size_t segment = 0; segment < segments_; ++segment) {
        writer.begin();
        for (uint64_t tile = first_tile(segment); tile < last_tile(segment); ++tile) {
            const ChunkPlace at = place(tile);
            if (tile == first_tile(segment) || at.first == 0) {
                writer.begin_tensor(at.columns);
            }
            ReadAhead ahead;
            ChunkCode& chunk = chunk_of(tile);
            if (!make(tile, at, chunk, ahead)) {
                return false;
            }
            writer.add(chunk, at, keep_, ahead);
        }
        parts_[segment].clear();
        writer.finish(parts_[segment]);
    }
    join_parts(out);
    return true;
}

// Chunks of a segment: a function of the run's settings alone.
uint64_t segment_tiles(uint32_t keep);

}  // namespace assay
