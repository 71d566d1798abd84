#include "kernels/attention.h"

#include <algorithm>
#include <vector>

#include "core/check.h"
#include "kernels/attention_paths.h"
#include "kernels/float_buffer.h"

namespace assay {

namespace {

constexpr size_t kForwardQueries = 128;  // a part of the forward pass; a multiple of every block
constexpr size_t kTileTokens = 128;      // queries and keys of a part of a shared backward pass
constexpr size_t kWorthSharing = size_t{1}
                                 << 20;  // multiply-adds: below, waking a thread costs more

thread_local FloatBuffer thread_scratch;

void check(const AttentionShape& shape) {
    ASSAY_CHECK(shape.kv_heads > 0 && shape.heads > 0 && shape.heads % shape.kv_heads == 0);
    ASSAY_CHECK(shape.head_width > 0 && shape.head_width % 2 == 0);
}

size_t up(size_t count, size_t step) {
    return (count + step - 1) / step * step;
}

// On the caller's thread where the work is small.
template <class Body>
void run(ThreadPool& pool, size_t parts, size_t multiply_adds, const Body& body) {
    if (multiply_adds >= kWorthSharing) {
        pool.run(parts, [&](size_t part, size_t /*thread*/) { body(part); });
        return;
    }
    for (size_t part = 0; part < parts; ++part) {
        body(part);
    }
}

// Where the arrays of a head of a sequence begin.
struct Places {
    AttentionShape shape;
    [[nodiscard]] size_t q_row() const { return shape.heads * shape.head_width; }
    [[nodiscard]] size_t kv_row() const { return shape.kv_heads * shape.head_width; }
    [[nodiscard]] size_t group() const { return shape.heads / shape.kv_heads; }
    [[nodiscard]] size_t q(size_t sequence, size_t head) const {
        return sequence * shape.tokens * q_row() + head * shape.head_width;
    }
    [[nodiscard]] size_t kv(size_t sequence, size_t kv_head) const {
        return sequence * shape.tokens * kv_row() + kv_head * shape.head_width;
    }
    [[nodiscard]] size_t row(size_t sequence, size_t head) const {
        return (sequence * shape.heads + head) * shape.tokens;
    }
    [[nodiscard]] size_t multiply_adds() const {
        return shape.sequences * shape.tokens * shape.tokens * q_row();
    }
};

struct BackwardArrays {
    AttentionBackwardPart whole;  // pointers to the arrays' first values
    Places places;

    // All queries and keys of a head.
    [[nodiscard]] AttentionBackwardPart head(size_t sequence, size_t index) const {
        AttentionBackwardPart part = whole;
        part.first_of_group = index % places.group() == 0;
        const size_t q = places.q(sequence, index);
        const size_t kv = places.kv(sequence, index / places.group());
        const size_t row = places.row(sequence, index);
        part.q += q;
        part.out += q;
        part.d_out += q;
        part.dq += q;
        part.k += kv;
        part.v += kv;
        part.dk += kv;
        part.dv += kv;
        part.row_max += row;
        part.row_sum += row;
        return part;
    }
};

// One part for each sequence and key-value head.
void backward_by_heads(ThreadPool& pool, const BackwardArrays& arrays) {
    const AttentionPath& path = attention_path(kernel_path());
    const AttentionShape& shape = arrays.places.shape;
    const size_t group = arrays.places.group();
    run(pool, shape.sequences * shape.kv_heads, arrays.places.multiply_adds(), [&](size_t index) {
        float* const scratch = thread_scratch.reserve(path.backward_scratch(shape.head_width));
        for (size_t head = 0; head < group; ++head) {
            path.backward(
                arrays.head(index / shape.kv_heads, index % shape.kv_heads * group + head),
                scratch);
        }
    });
}

// A block of keys with a block of queries of one head. Its sums go on where those of the block of
// keys before it (dq) and of the block of queries before it (dk and dv) end.
struct BackwardTile {
    size_t sequence;
    size_t head;
    size_t keys;
    size_t queries;
};

// Tiles that need none of each other, step by step: in step s the block of keys c meets block s - c
// of the queries of all heads of its group, one head after another.
std::vector<BackwardTile> tiles_of_step(const Places& places, size_t blocks, size_t step) {
    const AttentionShape& shape = places.shape;
    std::vector<BackwardTile> tiles;
    for (size_t keys = 0; keys < blocks && keys <= step; ++keys) {
        const size_t head = (step - keys) / blocks;
        const size_t queries = (step - keys) % blocks;
        if (head >= places.group() || queries < keys) continue;
        for (size_t pair = 0; pair < shape.sequences * shape.kv_heads; ++pair) {
            tiles.push_back({pair / shape.kv_heads,
                             pair % shape.kv_heads * places.group() + head,
                             keys,
                             queries});
        }
    }
    return tiles;
}

void backward_by_tiles(ThreadPool& pool, const BackwardArrays& arrays) {
    const AttentionPath& path = attention_path(kernel_path());
    const AttentionShape& shape = arrays.places.shape;
    const size_t blocks = (shape.tokens + kTileTokens - 1) / kTileTokens;
    const size_t steps = blocks * (arrays.places.group() + 1);
    for (size_t step = 0; step < steps; ++step) {
        const std::vector<BackwardTile> tiles = tiles_of_step(arrays.places, blocks, step);
        pool.run(tiles.size(), [&](size_t index, size_t /*thread*/) {
            const BackwardTile& tile = tiles[index];
            AttentionBackwardPart part = arrays.head(tile.sequence, tile.head);
            part.first = tile.queries * kTileTokens;
            part.last = std::min(part.first + kTileTokens, shape.tokens);
            part.first_key = tile.keys * kTileTokens;
            part.last_key = std::min(part.first_key + kTileTokens, shape.tokens);
            path.backward(part, thread_scratch.reserve(path.backward_scratch(shape.head_width)));
        });
    }
}

// Whether whole heads keep all threads busy to the end.
bool heads_suffice(const ThreadPool& pool, const Places& places) {
    const auto threads = static_cast<size_t>(pool.threads());
    const size_t pairs = places.shape.sequences * places.shape.kv_heads;
    return pairs % threads == 0 || pairs >= 8 * threads || places.multiply_adds() < kWorthSharing;
}

}  // namespace

void attention_forward(ThreadPool& pool,  // NOLINT(readability-function-size)
                       const AttentionShape& shape,
                       const float* q,
                       const float* k,
                       const float* v,
                       float* out,
                       const AttentionStatistics& statistics) {
    check(shape);
    const AttentionPath& path = attention_path(kernel_path());
    const Places places{shape};
    // Other parts still read what one part has read.
    ASSAY_CHECK(places.multiply_adds() == 0 || (out != k && out != v));
    const size_t grain = up(kForwardQueries, path.block);
    const size_t grains = (shape.tokens + grain - 1) / grain;
    const size_t heads = shape.sequences * shape.heads;
    run(pool, heads * grains, places.multiply_adds(), [&](size_t index) {
        const size_t sequence = index / grains / shape.heads;
        const size_t head = index / grains % shape.heads;
        const size_t kv = places.kv(sequence, head / places.group());
        const size_t row = places.row(sequence, head);
        AttentionForwardPart part;
        part.first = (grains - 1 - index % grains) * grain;  // the long parts first
        part.last = std::min(part.first + grain, shape.tokens);
        part.width = shape.head_width;
        part.q_row = places.q_row();
        part.kv_row = places.kv_row();
        part.q = q + places.q(sequence, head);
        part.k = k + kv;
        part.v = v + kv;
        part.out = out + places.q(sequence, head);
        part.row_max = statistics.row_max + row;
        part.row_sum = statistics.row_sum + row;
        path.forward(part, thread_scratch.reserve(path.forward_scratch(shape.tokens, part.width)));
    });
}

void attention_backward(ThreadPool& pool,  // NOLINT(readability-function-size)
                        const AttentionShape& shape,
                        const float* q,
                        const float* k,
                        const float* v,
                        const float* out,
                        const float* d_out,
                        const AttentionStatistics& statistics,
                        float* dq,
                        float* dk,
                        float* dv) {
    check(shape);
    const Places places{shape};
    // Sums go on in the gradients while these are read.
    ASSAY_CHECK(places.multiply_adds() == 0 || (dq != q && dk != k && dv != v));
    if (places.multiply_adds() == 0) {
        return;  // no tokens or no width: the arrays may be nowhere
    }
    AttentionBackwardPart whole;
    whole.last = shape.tokens;
    whole.last_key = shape.tokens;
    whole.width = shape.head_width;
    whole.q_row = places.q_row();
    whole.kv_row = places.kv_row();
    whole.q = q;
    whole.k = k;
    whole.v = v;
    whole.out = out;
    whole.d_out = d_out;
    whole.row_max = statistics.row_max;
    whole.row_sum = statistics.row_sum;
    whole.dq = dq;
    whole.dk = dk;
    whole.dv = dv;
    const BackwardArrays arrays{whole, places};
    if (heads_suffice(pool, places)) {
        backward_by_heads(pool, arrays);
    } else {
        backward_by_tiles(pool, arrays);
    }
}

void attention_single(ThreadPool& pool,  // NOLINT(readability-function-size)
                      const AttentionShape& shape,
                      size_t length,
                      const float* q,
                      const float* keys,
                      const float* values,
                      float* out) {
    check(shape);
    ASSAY_CHECK(length > 0);
    const AttentionPath& path = attention_path(kernel_path());
    const Places places{shape};
    const size_t group = places.group();
    run(pool, shape.kv_heads, 2 * length * places.q_row(), [&](size_t index) {
        AttentionSinglePart part;
        part.length = length;
        part.group = group;
        part.width = shape.head_width;
        part.kv_row = places.kv_row();
        part.q = q + index * group * part.width;
        part.k = keys + index * part.width;
        part.v = values + index * part.width;
        part.out = out + index * group * part.width;
        path.single(part, thread_scratch.reserve(path.single_scratch(length, group, part.width)));
    });
}

}  // namespace assay
