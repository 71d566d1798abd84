// Chunks to bytes and back: a run of chunks in layout order as one string of symbols.
//
// Segments know nothing of each other, so that threads can share an update. Only update_codec.cpp
// and tests include this. The reader takes strangers' bytes; one thread owns a reader or a writer.

#pragma once

#include <cstdint>
#include <string>

#include "compression/chunk_codec.h"
#include "compression/read_ahead.h"
#include "compression/symbol_coder.h"
#include "compression/update_model.h"

namespace assay {

// Where a chunk stands in its tensor.
struct ChunkPlace {
    uint64_t live = 0;     // values
    uint64_t columns = 1;  // of the tensor
    uint64_t first = 0;    // first value of the chunk in the tensor
};

class SegmentWriter {
public:
    // A new segment: models as in the specification, nothing written.
    void begin();
    // Begins a tensor, or what of it is in this segment.
    void begin_tensor(uint64_t columns) { model_.signs.begin(columns); }
    // REQUIRES: check_chunk(chunk, place.live, keep).ok().
    // Reads ahead on the way.
    void add(const ChunkCode& chunk, const ChunkPlace& place, uint32_t keep, ReadAhead& ahead);
    // Appends the segment's bytes.
    void finish(Bytes& out) { symbols_.finish(out); }

private:
    void add_scales(const ChunkCode& chunk);
    void add_entries(const ChunkCode& chunk, const ChunkPlace& place, ReadAhead& ahead);

    SymbolWriter symbols_;
    UpdateModel model_;
};

class SegmentReader {
public:
    // The bytes must outlive the reading. begin() starts over with others, in the same memory.
    explicit SegmentReader(ByteSpan bytes) : symbols_(bytes) {}
    void begin(ByteSpan bytes);
    void begin_tensor(uint64_t columns) { model_.signs.begin(columns); }
    // Null, or in words what no writer can have written. Needs room for k entries, no more.
    const char* read(const ChunkPlace& place, uint32_t keep, ChunkCode& out);
    [[nodiscard]] bool at_clean_end() const { return symbols_.at_clean_end(); }
    [[nodiscard]] size_t position() const { return symbols_.position(); }

private:
    const char* read_scales(ChunkCode& out, bool& single);
    const char* read_entries(const ChunkPlace& place, bool single, ChunkCode& out);

    SymbolReader symbols_;
    UpdateModel model_;
};

// Fewest bytes of a segment, and most that a chunk adds to one.
constexpr uint64_t kSegmentBytesMin = 8 * kStates;
constexpr uint64_t kEntryBitsMax = 40;
constexpr uint64_t kChunkBitsMax = 96;  // beside its entries

}  // namespace assay
