#include "verify/opening.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"

namespace assay {

namespace {

constexpr std::string_view kMark = "AOP1";
constexpr uint64_t kTileBytes = kTileValues * sizeof(float);

bool in_chain(const OpeningShape& shape, uint64_t chunk) {
    return std::binary_search(shape.chain_chunks.begin(), shape.chain_chunks.end(), chunk);
}

Digest read_digest(ByteReader& reader) {
    Digest digest;
    const ByteSpan raw = reader.raw(Digest::kSize);
    std::copy(raw.begin(), raw.end(), digest.bytes.begin());
    return digest;
}

class OpeningWriter {
public:
    explicit OpeningWriter(const OpeningShape& shape) : shape_(shape) {}

    Bytes write(const Opening& opening) {
        writer_.raw(as_bytes(kMark));
        for (const StateLeaf& leaf : opening.states) {
            writer_.raw(leaf.theta_root.span());
            writer_.raw(leaf.g_root.span());
            if (shape_.opens_v) {
                writer_.raw(leaf.v_root.span());
            }
        }
        for (const Digest& root : {opening.end.theta_root,
                                   opening.end.m_before_root,
                                   opening.end.v_before_root,
                                   opening.end.m_after_root,
                                   opening.end.v_after_root}) {
            writer_.raw(root.span());
        }
        for (const TraceStep& step : opening.trace) {
            writer_.f32(step.mean_loss);
            writer_.f32(step.gradient_norm);
            writer_.raw(step.batch_id.span());
            writer_.raw(float_bytes(step.sequence_losses));
        }
        for (const ChunkOpening& chunk : opening.chunks) {
            write_chunk(chunk);
        }
        return writer_.take();
    }

private:
    void path(const MerklePath& path) {
        for (const Digest& sibling : path.siblings) {
            writer_.raw(sibling.span());
        }
    }
    void tile(const OpenedTile& tile) {
        writer_.raw(float_bytes(tile.values));
        path(tile.path);
    }
    void write_chunk(const ChunkOpening& chunk) {
        tile(chunk.e_before);
        tile(chunk.theta_end);
        path(chunk.e_after);
        if (!chunk.chain) {
            return;
        }
        ASSAY_CHECK_EQ(chunk.chain->g.size(), size_t{shape_.inner_steps});
        tile(chunk.chain->m_before);
        tile(chunk.chain->v_before);
        for (uint32_t t = 0; t < shape_.inner_steps; ++t) {
            tile(chunk.chain->g[t]);
            path(chunk.chain->theta[t]);
            if (shape_.opens_v) {
                path(chunk.chain->v[t]);
            }
        }
        path(chunk.chain->m_after);
        path(chunk.chain->v_after);
    }

    const OpeningShape& shape_;
    ByteWriter writer_;
};

class OpeningReader {
public:
    OpeningReader(ByteSpan bytes, const OpeningShape& shape) : shape_(shape), reader_(bytes) {}

    Result<Opening> read() {
        const ByteSpan mark = reader_.raw(kMark.size());
        if (!std::equal(mark.begin(), mark.end(), kMark.begin(), kMark.end())) {
            return fail("opening: it starts with 0x" + to_hex(mark) + ", not with \"AOP1\"");
        }
        Opening opening;
        read_states(opening);
        for (uint32_t t = 0; t < shape_.inner_steps; ++t) {
            TraceStep step;
            step.mean_loss = reader_.f32();
            step.gradient_norm = reader_.f32();
            step.batch_id = read_digest(reader_);
            step.sequence_losses =
                floats_of(reader_.raw(uint64_t{shape_.sequences} * sizeof(float)));
            opening.trace.push_back(std::move(step));
        }
        for (const uint64_t chunk : shape_.compressor_chunks) {
            opening.chunks.push_back(read_chunk(chunk));
        }
        if (!reader_.at_end()) {
            return fail("opening: its parts do not fill its bytes");
        }
        return opening;
    }

private:
    void read_states(Opening& opening) {
        for (uint32_t t = 0; t < shape_.inner_steps; ++t) {
            StateLeaf leaf;
            leaf.theta_root = read_digest(reader_);
            leaf.g_root = read_digest(reader_);
            if (shape_.opens_v) {
                leaf.v_root = read_digest(reader_);
            }
            opening.states.push_back(leaf);
        }
        opening.end.theta_root = read_digest(reader_);
        opening.end.m_before_root = read_digest(reader_);
        opening.end.v_before_root = read_digest(reader_);
        opening.end.m_after_root = read_digest(reader_);
        opening.end.v_after_root = read_digest(reader_);
    }
    MerklePath path(uint64_t chunk) {
        MerklePath path{chunk, shape_.tiles, {}};
        const uint32_t length = merkle_path_length(chunk, shape_.tiles);
        for (uint32_t i = 0; i < length; ++i) {
            path.siblings.push_back(read_digest(reader_));
        }
        return path;
    }
    OpenedTile tile(uint64_t chunk) {
        OpenedTile tile;
        tile.values = floats_of(reader_.raw(kTileValues * sizeof(float)));
        tile.path = path(chunk);
        return tile;
    }
    ChunkOpening read_chunk(uint64_t chunk) {
        ChunkOpening opened;
        opened.chunk = chunk;
        opened.e_before = tile(chunk);
        opened.theta_end = tile(chunk);
        opened.e_after = path(chunk);
        if (in_chain(shape_, chunk)) {
            opened.chain = read_chain(chunk);
        }
        return opened;
    }
    ChainOpening read_chain(uint64_t chunk) {
        ChainOpening chain;
        chain.m_before = tile(chunk);
        chain.v_before = tile(chunk);
        for (uint32_t t = 0; t < shape_.inner_steps; ++t) {
            chain.g.push_back(tile(chunk));
            chain.theta.push_back(path(chunk));
            if (shape_.opens_v) {
                chain.v.push_back(path(chunk));
            }
        }
        chain.m_after = path(chunk);
        chain.v_after = path(chunk);
        return chain;
    }

    const OpeningShape& shape_;
    ByteReader reader_;
};

}  // namespace

OpeningShape opening_shape(const RoundPlan& plan,
                           const PlanPeer& peer,
                           uint64_t tiles,
                           const Challenge& challenge) {
    OpeningShape shape;
    shape.tiles = tiles;
    shape.inner_steps = plan.inner_steps;
    shape.sequences = peer.sequences_per_step;
    shape.opens_v = peer.numeric_class != NumericClass::kExact;
    shape.compressor_chunks = challenge.compressor_chunks;
    shape.chain_chunks = challenge.chain_chunks;
    return shape;
}

uint32_t merkle_path_length(uint64_t index, uint64_t count) {
    ASSAY_CHECK_LT(index, count);
    uint32_t length = 0;
    for (uint64_t width = count; width > 1; width = (width + 1) / 2) {
        length += (index ^ 1U) < width ? 1 : 0;
        index /= 2;
    }
    return length;
}

uint64_t opening_size(const OpeningShape& shape) {
    const uint64_t steps = shape.inner_steps;
    const uint64_t state_roots = shape.opens_v ? 3 : 2;
    uint64_t bytes = kMark.size() + (state_roots * steps + 5) * Digest::kSize +
                     steps * (8 + Digest::kSize + uint64_t{4} * shape.sequences);
    for (const uint64_t chunk : shape.compressor_chunks) {
        const uint64_t path = merkle_path_length(chunk, shape.tiles) * Digest::kSize;
        bytes += 2 * kTileBytes + 3 * path;
        if (in_chain(shape, chunk)) {
            bytes += (2 + steps) * kTileBytes + (4 + state_roots * steps) * path;
        }
    }
    return bytes;
}

Bytes encode_opening(const Opening& opening, const OpeningShape& shape) {
    ASSAY_CHECK_EQ(opening.states.size(), size_t{shape.inner_steps});
    ASSAY_CHECK_EQ(opening.trace.size(), size_t{shape.inner_steps});
    ASSAY_CHECK_EQ(opening.chunks.size(), shape.compressor_chunks.size());
    Bytes bytes = OpeningWriter(shape).write(opening);
    ASSAY_CHECK_EQ(bytes.size(), opening_size(shape));
    return bytes;
}

Result<Opening> decode_opening(ByteSpan bytes, const OpeningShape& shape) {
    if (bytes.size() != opening_size(shape)) {
        return fail("opening: " + std::to_string(bytes.size()) + " bytes, not " +
                    std::to_string(opening_size(shape)));
    }
    return OpeningReader(bytes, shape).read();
}

}  // namespace assay
