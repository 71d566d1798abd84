#include "verify/opening.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr std::string_view kMark = "AOP2";
constexpr uint64_t kTileBytes = kTileValues * sizeof(float);
constexpr uint64_t kStripBytes = kStripValues * sizeof(float);
constexpr uint64_t kPathBytes = kStripPathLength * Digest::kSize;

bool in_chain(const OpeningShape& shape, uint64_t chunk) {
    return std::binary_search(shape.chain_chunks.begin(), shape.chain_chunks.end(), chunk);
}

// Everything of an opening in the order of its bytes, once: the writer, the reader and whoever
// counts are three visitors of it. A visitor takes digests, numbers, values (of a given count),
// paths and proofs (over given chunks); lists have their lengths before they are walked.
template <typename Visitor, typename AnyOpening>
class OpeningWalk {
public:
    OpeningWalk(Visitor& visitor, const OpeningShape& shape) : visitor_(visitor), shape_(shape) {}

    void walk(AnyOpening& opening) {
        for (auto& leaf : opening.states) {
            visitor_.digest(leaf.theta_root);
            visitor_.digest(leaf.g_root);
            if (shape_.opens_v) {
                visitor_.digest(leaf.v_root);
            }
        }
        for (auto* root : {&opening.end.theta_root,
                           &opening.end.m_before_root,
                           &opening.end.v_before_root,
                           &opening.end.m_after_root,
                           &opening.end.v_after_root,
                           &opening.end.sum_root}) {
            visitor_.digest(*root);
        }
        for (auto& step : opening.trace) {
            visitor_.number(step.mean_loss);
            visitor_.number(step.gradient_norm);
            visitor_.digest(step.batch_id);
            visitor_.values(step.sequence_losses, shape_.sequences);
        }
        for (auto& chunk : opening.chunks) {
            walk_chunk(chunk);
        }
        walk_proofs(opening.proofs);
    }

private:
    template <typename Strip>
    void strip(Strip& opened) {
        visitor_.values(opened.values, kStripValues);
        path(opened.path);
    }
    template <typename Path>
    void path(Path& siblings) {
        for (auto& sibling : siblings) {
            visitor_.digest(sibling);
        }
    }
    template <typename Chunk>
    void walk_chunk(Chunk& chunk) {
        visitor_.values(chunk.sum, kTileValues);
        strip(chunk.e_before);
        if (chunk.chain) {
            path(chunk.theta_end.path);
            walk_chain(*chunk.chain);
        } else {
            strip(chunk.theta_end);
        }
    }
    template <typename Chain>
    void walk_chain(Chain& chain) {
        ASSAY_CHECK_EQ(chain.g.size(), size_t{shape_.inner_steps});
        strip(chain.m_before);
        strip(chain.v_before);
        for (size_t t = 0; t < chain.g.size(); ++t) {
            strip(chain.g[t]);
            if (t > 0) {
                path(chain.theta[t - 1]);
            }
            if (t > 0 && shape_.opens_v) {
                path(chain.v[t - 1]);
            }
        }
        path(chain.m_after);
        path(chain.v_after);
    }
    template <typename Proofs>
    void walk_proofs(Proofs& proofs) {
        const std::vector<uint64_t>& all = shape_.compressor_chunks;
        const std::vector<uint64_t>& chain = shape_.chain_chunks;
        for (auto* proof : {&proofs.sum, &proofs.e_before, &proofs.e_after, &proofs.theta_end}) {
            visitor_.proof(*proof, all);
        }
        visitor_.proof(proofs.m_before, chain);
        visitor_.proof(proofs.v_before, chain);
        for (size_t t = 0; t < proofs.g.size(); ++t) {
            visitor_.proof(proofs.g[t], chain);
            if (t > 0) {
                visitor_.proof(proofs.theta[t - 1], chain);
            }
            if (t > 0 && shape_.opens_v) {
                visitor_.proof(proofs.v[t - 1], chain);
            }
        }
        visitor_.proof(proofs.m_after, chain);
        visitor_.proof(proofs.v_after, chain);
    }

    Visitor& visitor_;
    const OpeningShape& shape_;
};

struct Writing {
    const OpeningShape& shape;
    ByteWriter writer;

    void digest(const Digest& value) { writer.raw(value.span()); }
    void number(float value) { writer.f32(value); }
    void values(const std::vector<float>& list, size_t count) {
        ASSAY_CHECK_EQ(list.size(), count);
        writer.raw(float_bytes(list));
    }
    void proof(const std::vector<Digest>& siblings, const std::vector<uint64_t>& chunks) {
        ASSAY_CHECK_EQ(siblings.size(), multi_proof_size(chunks, shape.tiles));
        for (const Digest& sibling : siblings) {
            digest(sibling);
        }
    }
};

struct Reading {
    const OpeningShape& shape;
    ByteReader reader;

    void digest(Digest& value) {
        const ByteSpan raw = reader.raw(Digest::kSize);
        std::copy(raw.begin(), raw.end(), value.bytes.begin());
    }
    void number(float& value) { value = reader.f32(); }
    void values(std::vector<float>& list, size_t count) {
        list = floats_of(reader.raw(count * sizeof(float)));
    }
    void proof(std::vector<Digest>& siblings, const std::vector<uint64_t>& chunks) {
        siblings.resize(multi_proof_size(chunks, shape.tiles));
        for (Digest& sibling : siblings) {
            digest(sibling);
        }
    }
};

// An opening of this shape with all lists in place, still empty inside. Called once the size of the
// bytes has been found right.
Opening empty_opening(const OpeningShape& shape) {
    const size_t steps = shape.inner_steps;
    ASSAY_CHECK(steps > 0);
    Opening opening;
    opening.states.resize(steps);
    opening.trace.resize(steps);
    opening.proofs.g.resize(steps);
    opening.proofs.theta.resize(steps - 1);
    opening.proofs.v.resize(shape.opens_v ? steps - 1 : 0);
    for (size_t i = 0; i < shape.compressor_chunks.size(); ++i) {
        ChunkOpening chunk;
        chunk.chunk = shape.compressor_chunks[i];
        chunk.strip = shape.strips[i];
        if (in_chain(shape, chunk.chunk)) {
            chunk.chain.emplace();
            chunk.chain->g.resize(steps);
            chunk.chain->theta.resize(steps - 1);
            chunk.chain->v.resize(shape.opens_v ? steps - 1 : 0);
        }
        opening.chunks.push_back(std::move(chunk));
    }
    return opening;
}

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
    shape.strips = challenge.strips;
    shape.chain_chunks = challenge.chain_chunks;
    ASSAY_CHECK_EQ(shape.strips.size(), shape.compressor_chunks.size());
    return shape;
}

uint64_t opening_size(const OpeningShape& shape) {
    const uint64_t steps = shape.inner_steps;
    const uint64_t chunks = shape.compressor_chunks.size();
    const uint64_t chain = shape.chain_chunks.size();
    const uint64_t followed = (steps - 1) * (shape.opens_v ? 2 : 1);  // theta, and v
    const uint64_t strip = kStripBytes + kPathBytes;
    uint64_t bytes = kMark.size() + ((shape.opens_v ? 3 : 2) * steps + 6) * Digest::kSize +
                     steps * (8 + Digest::kSize + uint64_t{4} * shape.sequences);
    bytes += chunks * (kTileBytes + 2 * strip) - chain * kStripBytes;
    bytes += chain * ((2 + steps) * strip + (followed + 2) * kPathBytes);
    bytes += 4 * multi_proof_size(shape.compressor_chunks, shape.tiles) * Digest::kSize;
    return bytes + (4 + steps + followed) * multi_proof_size(shape.chain_chunks, shape.tiles) *
                       Digest::kSize;
}

Bytes encode_opening(const Opening& opening, const OpeningShape& shape) {
    ASSAY_CHECK_EQ(opening.states.size(), size_t{shape.inner_steps});
    ASSAY_CHECK_EQ(opening.trace.size(), size_t{shape.inner_steps});
    ASSAY_CHECK_EQ(opening.chunks.size(), shape.compressor_chunks.size());
    Writing writing{shape, {}};
    writing.writer.raw(as_bytes(kMark));
    OpeningWalk<Writing, const Opening>(writing, shape).walk(opening);
    Bytes bytes = writing.writer.take();
    ASSAY_CHECK_EQ(bytes.size(), opening_size(shape));
    return bytes;
}

Result<Opening> decode_opening(ByteSpan bytes, const OpeningShape& shape) {
    if (bytes.size() != opening_size(shape)) {
        return fail("opening: " + std::to_string(bytes.size()) + " bytes, not " +
                    std::to_string(opening_size(shape)));
    }
    Reading reading{shape, ByteReader(bytes)};
    const ByteSpan mark = reading.reader.raw(kMark.size());
    if (!std::equal(mark.begin(), mark.end(), kMark.begin(), kMark.end())) {
        return fail("opening: it starts with 0x" + to_hex(mark) + ", not with \"AOP2\"");
    }
    Opening opening = empty_opening(shape);
    OpeningWalk<Reading, Opening>(reading, shape).walk(opening);
    ASSAY_CHECK(reading.reader.at_end());  // its size is that of its parts
    return opening;
}

}  // namespace assay
