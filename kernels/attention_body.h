// The order of operations of attention, once for all paths: a template over a path's types.
//
// Queries stand in lanes: a block of kBlock of them goes through all its keys, with scores and
// weights as [key][query of the block]. A sum over keys or over the width is one chain in each
// lane; a sum over queries goes on in dk and dv from block to block. On the diagonal, where a key
// is later than some of the queries, those lanes keep their sums. Blocks and chunks leave no trace
// in the result. Only kernels/attention_*.cpp include this; no function of the standard library is
// called here.
//
// P, a type with internal linkage (so that no other file can call what is compiled here): Lanes;
// kVectors, of queries in a block; kRows, the rows of a tile of kVectors; kSpreadRows and
// kSpreadVectors, the tile of dk and dv; kChunk, the keys that go through all products together;
// kBlocks, the blocks that go through the keys together backwards; kSquare and transpose_square().

#pragma once

#include <cstddef>
#include <utility>

#include "kernels/attention_paths.h"
#include "kernels/lanes_math.h"
#include "kernels/rotary_body.h"

namespace assay {

template <class P>
struct AttentionBody {
    using L = typename P::Lanes;
    static constexpr size_t kWidth = 16;  // of L
    static constexpr size_t kVectors = P::kVectors;
    static constexpr size_t kBlock = kWidth * kVectors;
    static constexpr size_t kRows = P::kRows;
    static constexpr size_t kChunk = P::kChunk;  // keys that go through all products together

    static constexpr size_t lesser(size_t a, size_t b) { return a < b ? a : b; }
    static constexpr size_t greater(size_t a, size_t b) { return a > b ? a : b; }
    static constexpr size_t less(size_t a, size_t b) { return a > b ? a - b : 0; }
    static constexpr size_t up(size_t x, size_t step) { return (x + step - 1) / step * step; }

    // 1 / sqrt(width), by IEEE square root and division.
    static float scale_of(size_t width) {
        float scale = 0;
        const L root = sqrt(L::broadcast(static_cast<float>(width)));
        (L::broadcast(1.0F) / root).store_first(&scale, 1);
        return scale;
    }

    // +0, not -0: sums over keys begin with it.
    static void clear(float* to, size_t count) {
        for (size_t i = 0; i < count; ++i) {
            to[i] = 0.0F;
        }
    }

    // to[column * to_row + row] = from[row * from_row + column]
    static void transpose(
        const float* from, size_t from_row, size_t rows, size_t columns, float* to, size_t to_row) {
        constexpr size_t kSquare = P::kSquare;
        const size_t whole_rows = rows / kSquare * kSquare;
        const size_t whole_columns = columns / kSquare * kSquare;
        for (size_t row = 0; row < whole_rows; row += kSquare) {
            for (size_t column = 0; column < whole_columns; column += kSquare) {
                P::transpose_square(
                    from + row * from_row + column, from_row, to + column * to_row + row, to_row);
            }
        }
        for (size_t row = 0; row < rows; ++row) {
            for (size_t column = row < whole_rows ? whole_columns : 0; column < columns; ++column) {
                to[column * to_row + row] = from[row * from_row + column];
            }
        }
    }

    // `count` rows of a block, at most kBlock, as [w][query]; +0 in the lanes of no query.
    static void turn(const float* rows, size_t row_step, size_t count, size_t width, float* to) {
        if (count < kBlock) {
            clear(to, width * kBlock);
        }
        transpose(rows, row_step, count, width, to, kBlock);
    }

    // --- scores: to[key][query] = (chain over w of left[w][query] * right[key][w]) * factor

    struct Scores {
        const float* left;
        const float* right;
        size_t right_row;
        size_t width;
        float factor;
        float* to;
    };

    // Of the block's vectors, those from kFrom on.
    template <size_t kFrom, size_t... kIndex>
    static void scores_of(const Scores& s, size_t key, std::index_sequence<kIndex...> /*tile*/) {
        constexpr size_t kLive = kVectors - kFrom;
        const L zero = L::broadcast(0.0F);
        L sums[] = {((void)kIndex, zero)...};
        const float* const first = s.right + key * s.right_row;
        const float* const rows[] = {(first + kIndex / kLive * s.right_row)...};
        const float* left = s.left + kFrom * kWidth;
        for (size_t w = 0; w < s.width; ++w, left += kBlock) {
            ((sums[kIndex] = fma(L::broadcast(rows[kIndex][w]),
                                 L::load(left + kIndex % kLive * kWidth),
                                 sums[kIndex])),
             ...);
        }
        const L factor = L::broadcast(s.factor);
        float* const to = s.to + key * kBlock + kFrom * kWidth;
        (((sums[kIndex] * factor).store(to + kIndex / kLive * kBlock + kIndex % kLive * kWidth)),
         ...);
    }

    // Scores of the keys [key, keys), with as many accumulators as the registers hold.
    template <size_t kFrom>
    static void scores_from(const Scores& s, size_t key, size_t keys) {
        constexpr size_t kLive = kVectors - kFrom;
        for (; key + kRows <= keys; key += kRows) {
            scores_of<kFrom>(s, key, std::make_index_sequence<kRows * kLive>());
        }
        for (; key + 4 <= keys; key += 4) {
            scores_of<kFrom>(s, key, std::make_index_sequence<4 * kLive>());
        }
        for (; key < keys; ++key) {
            scores_of<kFrom>(s, key, std::make_index_sequence<kLive>());
        }
    }

    // Keys, of which the block's first query is the one at `late`: the scores of all vectors that
    // have a query no earlier than the key.
    static void scores(const Scores& s, size_t keys, size_t late) {
        const size_t border = lesser(late + kWidth, keys);
        scores_from<0>(s, 0, border);
        if constexpr (kVectors == 2) {
            scores_from<1>(s, border, keys);
        }
    }

    // --- mix: sums[w][query] goes on over the keys with weights[key][query] * right[key][w]

    struct Mix {
        const float* weights;
        const float* right;
        size_t right_row;
        float* sums;
        size_t keys;
        size_t late;  // lanes earlier than the first key, where masked
    };

    // Of the vectors that take part, only the first may have lanes earlier than a key.
    template <bool kMasked>
    static constexpr bool is_masked(size_t vector) {
        return kMasked && vector == 0;
    }

    // Of the block's vectors, those from kFrom on; the first of them is masked, where kMasked.
    template <bool kMasked, size_t kFrom, size_t... kIndex>
    static void mix_of(const Mix& m, size_t w, std::index_sequence<kIndex...> /*tile*/) {
        constexpr size_t kLive = kVectors - kFrom;
        float* const to = m.sums + w * kBlock + kFrom * kWidth;
        L sums[] = {L::load(to + kIndex / kLive * kBlock + kIndex % kLive * kWidth)...};
        const float* weights = m.weights + kFrom * kWidth;
        const float* right = m.right + w;
        for (size_t key = 0; key < m.keys; ++key, weights += kBlock, right += m.right_row) {
            ((sums[kIndex] = kept<is_masked<kMasked>(kIndex % kLive)>(
                  m.late + key,
                  sums[kIndex],
                  fma(L::broadcast(right[kIndex / kLive]),
                      L::load(weights + kIndex % kLive * kWidth),
                      sums[kIndex]))),
             ...);
        }
        ((sums[kIndex].store(to + kIndex / kLive * kBlock + kIndex % kLive * kWidth)), ...);
    }

    // `before` in the first `count` lanes, where masked.
    template <bool kMasked>
    static L kept(size_t count, L before, L after) {
        if constexpr (kMasked) {
            return first_of(count, before, after);
        } else {
            return after;
        }
    }

    // Adds weight times value of every key to the sums of `width` columns.
    template <bool kMasked, size_t kFrom>
    static void mix(const Mix& m, size_t width) {
        constexpr size_t kLive = kVectors - kFrom;
        size_t w = 0;
        for (; w + kRows <= width; w += kRows) {
            mix_of<kMasked, kFrom>(m, w, std::make_index_sequence<kRows * kLive>());
        }
        for (; w + 4 <= width; w += 4) {
            mix_of<kMasked, kFrom>(m, w, std::make_index_sequence<4 * kLive>());
        }
        for (; w + 2 <= width; w += 2) {
            mix_of<kMasked, kFrom>(m, w, std::make_index_sequence<2 * kLive>());
        }
    }

    // The next keys up to `last`, all of them among the queries of vector kFrom.
    template <size_t kFrom>
    static void mix_diagonal(Mix& m, size_t& key, size_t last, size_t block_first, size_t width) {
        m.late = key - block_first - kFrom * kWidth;
        m.keys = lesser(last, block_first + (kFrom + 1) * kWidth) - key;
        mix<true, kFrom>(m, width);
        m.weights += m.keys * kBlock;
        m.right += m.keys * m.right_row;
        key += m.keys;
    }

    // The keys [first, last) of the sequence, of which `weights` holds the first.
    static void mix_keys(Mix m, size_t first, size_t last, size_t block_first, size_t width) {
        size_t key = lesser(greater(block_first, first), last);
        m.keys = key - first;
        mix<false, 0>(m, width);
        m.weights += m.keys * kBlock;
        m.right += m.keys * m.right_row;
        if (key < lesser(last, block_first + kWidth)) {
            mix_diagonal<0>(m, key, last, block_first, width);
        }
        if constexpr (kVectors == 2) {
            if (key < last) {
                mix_diagonal<1>(m, key, last, block_first, width);
            }
        }
    }

    // --- spread: to[key][w] goes on over the queries with weights[key][query] * rows[query][w]

    struct Spread {
        const float* weights;
        const float* rows;
        size_t row_step;
        float* to;
        size_t to_row;
        size_t first_query;
        size_t last_query;
    };

    template <size_t kColumns, size_t... kIndex>
    static void spread_of(const Spread& s, size_t w, std::index_sequence<kIndex...> /*tile*/) {
        float* const to = s.to + w;
        L sums[] = {L::load(to + kIndex / kColumns * s.to_row + kIndex % kColumns * kWidth)...};
        const float* row = s.rows + s.first_query * s.row_step + w;
        for (size_t i = s.first_query; i < s.last_query; ++i, row += s.row_step) {
            ((sums[kIndex] = fma(L::broadcast(s.weights[kIndex / kColumns * kBlock + i]),
                                 L::load(row + kIndex % kColumns * kWidth),
                                 sums[kIndex])),
             ...);
        }
        ((sums[kIndex].store(to + kIndex / kColumns * s.to_row + kIndex % kColumns * kWidth)), ...);
    }

    // The last columns, fewer than a vector.
    template <size_t... kRow>
    static void spread_edge(const Spread& s,
                            size_t w,
                            size_t count,
                            std::index_sequence<kRow...> /*rows*/) {
        float* const to = s.to + w;
        L sums[] = {L::load_first(to + kRow * s.to_row, count)...};
        for (size_t i = s.first_query; i < s.last_query; ++i) {
            const L row = L::load(s.rows + i * s.row_step + w);
            ((sums[kRow] = fma(L::broadcast(s.weights[kRow * kBlock + i]), row, sums[kRow])), ...);
        }
        ((sums[kRow].store_first(to + kRow * s.to_row, count)), ...);
    }

    // to[key] += weight of (key, query) rows[query], for kCount keys, queries in order.
    template <size_t kCount>
    static void spread_rows(const Spread& s, size_t width) {
        size_t w = 0;
        for (; w + kWidth * P::kSpreadVectors <= width; w += kWidth * P::kSpreadVectors) {
            spread_of<P::kSpreadVectors>(
                s, w, std::make_index_sequence<kCount * P::kSpreadVectors>());
        }
        for (; w + kWidth <= width; w += kWidth) {
            spread_of<1>(s, w, std::make_index_sequence<kCount>());
        }
        if (w < width) {
            spread_edge(s, w, width - w, std::make_index_sequence<kCount>());
        }
    }

    // The same, then on to the keys behind.
    template <size_t kCount>
    static void spread_next(Spread& s, size_t width) {
        spread_rows<kCount>(s, width);
        s.weights += kCount * kBlock;
        s.to += kCount * s.to_row;
    }

    // The keys [first, last) of the sequence, of which `weights` and `to` hold the first. A key
    // takes queries from itself on.
    static void spread(Spread s, size_t first, size_t last, size_t block_first, size_t width) {
        constexpr size_t kTile = P::kSpreadRows;
        const size_t border = lesser(greater(block_first, first), last);
        size_t key = first;
        for (; key + kTile <= border; key += kTile) {
            spread_next<kTile>(s, width);
        }
        for (; key < border; ++key) {
            spread_next<1>(s, width);
        }
        for (; key + kTile <= last; key += kTile) {
            const size_t late = key - block_first;
            spread_corner(s, late, width);
            s.first_query = lesser(late + kTile, s.last_query);
            spread_next<kTile>(s, width);
        }
        for (; key < last; ++key) {
            s.first_query = key - block_first;
            spread_next<1>(s, width);
        }
    }

    // kSpreadRows keys of the diagonal, the block's queries late, late + 1, ..: what the same
    // queries give them.
    static void spread_corner(Spread s, size_t late, size_t width) {
        s.last_query = lesser(late + P::kSpreadRows, s.last_query);
        for (size_t row = 0; row < P::kSpreadRows; ++row) {
            s.first_query = late + row;
            spread_next<1>(s, width);
        }
    }

    // --- forward

    // Greatest score over the keys [first, last) and before, of the queries late, late + 1, ..
    static L greatest(const float* scores, size_t first, size_t last, size_t late, L before) {
        size_t key = first;
        last = lesser(last, late + kWidth);
        for (; key < lesser(last, late); ++key) {
            before = greater_of(L::load(scores + key * kBlock), before);
        }
        for (; key < last; ++key) {
            const L now = greater_of(L::load(scores + key * kBlock), before);
            before = first_of(key - late, before, now);
        }
        return before;
    }

    // Scores of the same become powers; their sum goes on.
    static L powers(float* scores, size_t first, size_t last, size_t late, L greatest, L sum) {
        last = lesser(last, late + kWidth);
        for (size_t key = first; key < last; ++key) {
            const L power = exp_of(L::load(scores + key * kBlock) - greatest);
            power.store(scores + key * kBlock);
            sum = key < late ? sum + power : first_of(key - late, sum, sum + power);
        }
        return sum;
    }

    // Floats of scratch that forward() needs for T tokens of one head.
    static size_t forward_scratch(size_t tokens, size_t width) {
        return kBlock * (2 * width + up(tokens, kBlock) + 2);
    }

    // Queries [first, last) of one head, block by block.
    static void forward(const AttentionForwardPart& part, float* scratch) {
        for (size_t first = part.first; first < part.last; first += kBlock) {
            forward_block(part, first, scratch);
        }
    }

    // `count` queries from `first` on; keys behind a query are left out, not weighed with 0.
    static void forward_block(const AttentionForwardPart& part, size_t first, float* scratch) {
        const size_t count = lesser(kBlock, part.last - first);
        const size_t keys = first + count;
        float* const turned = scratch;
        float* const sums = turned + part.width * kBlock;
        float* const row_max = sums + part.width * kBlock;
        float* const row_sum = row_max + kBlock;
        float* const weights = row_sum + kBlock;
        turn(part.q + first * part.q_row, part.q_row, count, part.width, turned);
        clear(sums, part.width * kBlock);
        const float scale = scale_of(part.width);
        for (size_t v = 0; v < kVectors; ++v) {
            L::broadcast(-__builtin_inff()).store(row_max + v * kWidth);
            L::broadcast(0.0F).store(row_sum + v * kWidth);
        }
        for (size_t key = 0; key < keys; key += kChunk) {
            const size_t last = lesser(key + kChunk, keys);
            const float* const k = part.k + key * part.kv_row;
            scores({turned, k, part.kv_row, part.width, scale, weights + key * kBlock},
                   last - key,
                   less(first, key));
            for (size_t v = 0; v < kVectors; ++v) {
                float* const to = row_max + v * kWidth;
                greatest(weights + v * kWidth, key, last, first + v * kWidth, L::load(to))
                    .store(to);
            }
        }
        for (size_t key = 0; key < keys; key += kChunk) {
            const size_t last = lesser(key + kChunk, keys);
            for (size_t v = 0; v < kVectors; ++v) {
                const L most = L::load(row_max + v * kWidth);
                float* const to = row_sum + v * kWidth;
                powers(weights + v * kWidth, key, last, first + v * kWidth, most, L::load(to))
                    .store(to);
            }
            const float* const v = part.v + key * part.kv_row;
            mix_keys(
                {weights + key * kBlock, v, part.kv_row, sums, 0, 0}, key, last, first, part.width);
        }
        finish_block(part, first, count, sums, row_max);
    }

    // sums / row_sum to rows of out; the statistics. row_sum follows row_max.
    static void finish_block(const AttentionForwardPart& part,
                             size_t first,
                             size_t count,
                             float* sums,
                             const float* row_max) {
        for (size_t v = 0; v < kVectors; ++v) {
            const L row_sum = L::load(row_max + kBlock + v * kWidth);
            for (size_t w = 0; w < part.width; ++w) {
                float* const to = sums + w * kBlock + v * kWidth;
                (L::load(to) / row_sum).store(to);
            }
        }
        for (size_t i = 0; i < count; ++i) {
            part.row_max[first + i] = row_max[i];
            part.row_sum[first + i] = row_max[kBlock + i];
        }
        transpose(sums, kBlock, part.width, count, part.out + first * part.q_row, part.q_row);
    }

    // --- backward

    // A block of queries.
    struct BackwardBlock {
        size_t first;
        size_t count;
        float* q;          // [w][query]
        float* d_out;      // [w][query]
        float* dq;         // [w][query]
        float* q_rows;     // [query][w], rows up(width, kWidth) apart
        float* d_rows;     // [query][w], of d_out
        float* row_max;    // [query]
        float* inverse;    // [query], 1 / row_sum
        float* dot;        // [query], the sum of out * d_out
        float* weights;    // [key of the chunk][query]; of all blocks
        float* d_weights;  // [key of the chunk][query]; of all blocks
    };

    // Floats of scratch that backward() needs.
    static size_t backward_scratch(size_t width) {
        return kBlock * ((3 * width + 2 * up(width, kWidth) + 3) * P::kBlocks + 2 * kChunk);
    }

    // Block `index` of the blocks that go through the keys together.
    static BackwardBlock block_of(size_t width, size_t index, float* scratch) {
        const size_t row_step = up(width, kWidth);
        float* place = scratch + kBlock * (2 * kChunk + index * (3 * width + 2 * row_step + 3));
        const auto take = [&](size_t floats) {
            float* const taken = place;
            place += kBlock * floats;
            return taken;
        };
        BackwardBlock block{};
        block.weights = scratch;
        block.d_weights = scratch + kBlock * kChunk;
        block.q = take(width);
        block.d_out = take(width);
        block.dq = take(width);
        block.q_rows = take(row_step);
        block.d_rows = take(row_step);
        block.row_max = take(1);
        block.inverse = take(1);
        block.dot = take(1);
        return block;
    }

    // Rows beside one another, each padded with +0 to whole vectors.
    static void copy_rows(
        const float* from, size_t from_row, size_t count, size_t width, float* to) {
        const size_t step = up(width, kWidth);
        for (size_t i = 0; i < count; ++i, from += from_row, to += step) {
            size_t w = 0;
            for (; w + kWidth <= width; w += kWidth) {
                L::load(from + w).store(to + w);
            }
            if (w < width) {
                L::load_first(from + w, width - w).store(to + w);
            }
        }
    }

    template <size_t... kVector>
    static void dot_of(const BackwardBlock& b,
                       size_t width,
                       const float* out,
                       std::index_sequence<kVector...> /*vectors*/) {
        const L zero = L::broadcast(0.0F);
        L sums[] = {((void)kVector, zero)...};
        for (size_t at = 0; at < width * kBlock; at += kBlock) {
            ((sums[kVector] = fma(L::load(out + at + kVector * kWidth),
                                  L::load(b.d_out + at + kVector * kWidth),
                                  sums[kVector])),
             ...);
        }
        (((sums[kVector]).store(b.dot + kVector * kWidth)), ...);
    }

    // The block's q and d_out in both orders, its dq and its statistics.
    static void open_block(const AttentionBackwardPart& part, const BackwardBlock& b) {
        const size_t start = b.first * part.q_row;
        const size_t row_step = up(part.width, kWidth);
        copy_rows(part.q + start, part.q_row, b.count, part.width, b.q_rows);
        copy_rows(part.d_out + start, part.q_row, b.count, part.width, b.d_rows);
        turn(b.q_rows, row_step, b.count, part.width, b.q);
        turn(b.d_rows, row_step, b.count, part.width, b.d_out);
        turn(part.out + start, part.q_row, b.count, part.width, b.dq);  // out for a moment
        dot_of(b, part.width, b.dq, std::make_index_sequence<kVectors>());
        for (size_t v = 0; v < kBlock; v += kWidth) {
            const size_t inside = lesser(less(b.count, v), kWidth);
            const L sum = L::load_first(part.row_sum + b.first + v, inside);
            (L::broadcast(1.0F) / sum).store(b.inverse + v);
            L::load_first(part.row_max + b.first + v, inside).store(b.row_max + v);
        }
        if (part.first_key == 0) {
            clear(b.dq, part.width * kBlock);
        } else {
            turn(part.dq + start, part.q_row, b.count, part.width, b.dq);
        }
    }

    // Scores and d_weights = d_out v of a chunk become weights and gradients of scores.
    static void slopes(const BackwardBlock& b, size_t keys, size_t late, float scale) {
        const L factor = L::broadcast(scale);
        for (size_t v = 0; v < kBlock; v += kWidth) {
            const L most = L::load(b.row_max + v);
            const L inverse = L::load(b.inverse + v);
            const L dot = L::load(b.dot + v);
            const size_t live = lesser(keys, late + v + kWidth);
            for (size_t at = v; at < live * kBlock; at += kBlock) {
                const L weight = exp_of(L::load(b.weights + at) - most) * inverse;
                weight.store(b.weights + at);
                (weight * (L::load(b.d_weights + at) - dot) * factor).store(b.d_weights + at);
            }
        }
    }

    // dk and dv of the keys among the block's queries: nothing has been added to them.
    static void start_keys(const AttentionBackwardPart& part, size_t key, size_t last) {
        for (; key < last; ++key) {
            clear(part.dk + key * part.kv_row, part.width);
            clear(part.dv + key * part.kv_row, part.width);
        }
    }

    // The keys [key, last) with one block.
    static void backward_chunk(const AttentionBackwardPart& part,
                               const BackwardBlock& b,
                               size_t key,
                               size_t last) {
        const size_t start = key * part.kv_row;
        const size_t late = less(b.first, key);
        const size_t row_step = up(part.width, kWidth);
        if (part.first_of_group) {
            start_keys(part, greater(key, b.first), last);
        }
        const float scale = scale_of(part.width);
        const float* const k = part.k + start;
        const float* const v = part.v + start;
        scores({b.q, k, part.kv_row, part.width, scale, b.weights}, last - key, late);
        scores({b.d_out, v, part.kv_row, part.width, 1.0F, b.d_weights}, last - key, late);
        slopes(b, last - key, late, scale);
        spread({b.weights, b.d_rows, row_step, part.dv + start, part.kv_row, 0, b.count},
               key,
               last,
               b.first,
               part.width);
        spread({b.d_weights, b.q_rows, row_step, part.dk + start, part.kv_row, 0, b.count},
               key,
               last,
               b.first,
               part.width);
        mix_keys({b.d_weights, k, part.kv_row, b.dq, 0, 0}, key, last, b.first, part.width);
    }

    // Several blocks go through the keys together: a chunk of k, v, dk and dv is fetched once for
    // all of them.
    static void backward(const AttentionBackwardPart& part, float* scratch) {
        constexpr size_t kTogether = P::kBlocks * kBlock;
        for (size_t first = part.first; first < part.last; first += kTogether) {
            BackwardBlock blocks[P::kBlocks];
            size_t count = 0;
            for (size_t at = first; at < lesser(first + kTogether, part.last); at += kBlock) {
                BackwardBlock& block = blocks[count];
                block = block_of(part.width, count, scratch);
                block.first = at;
                block.count = lesser(kBlock, part.last - at);
                open_block(part, block);
                ++count;
            }
            backward_blocks(part, blocks, count);
        }
    }

    // Blocks of queries that share their passes over the keys: keys and values are read once.
    static void backward_blocks(const AttentionBackwardPart& part,
                                const BackwardBlock* blocks,
                                size_t count) {
        const size_t queries = blocks[count - 1].first + blocks[count - 1].count;
        const size_t keys = lesser(part.last_key, queries);
        for (size_t key = part.first_key; key < keys; key += kChunk) {
            for (size_t i = 0; i < count; ++i) {
                const size_t last = lesser(blocks[i].first + blocks[i].count, keys);
                if (key < last) {
                    backward_chunk(part, blocks[i], key, lesser(key + kChunk, last));
                }
            }
        }
        for (size_t i = 0; i < count; ++i) {
            const BackwardBlock& b = blocks[i];
            float* const dq = part.dq + b.first * part.q_row;
            transpose(b.dq, kBlock, part.width, b.count, dq, part.q_row);
        }
    }

    // --- a single query: keys stand in lanes for the scores, the width for the output

    static constexpr size_t kSingleVectors = 4;
    static constexpr size_t kSingleKeys = kSingleVectors * kWidth;

    // Floats of scratch that single() needs for `length` keys and `group` heads.
    static size_t single_scratch(size_t length, size_t group, size_t width) {
        return kSingleKeys * width + group * up(length, kSingleKeys);
    }

    template <size_t... kVector>
    static void single_scores_of(const float* q,
                                 const float* turned,
                                 size_t width,
                                 float* to,
                                 std::index_sequence<kVector...> /*vectors*/) {
        const L zero = L::broadcast(0.0F);
        L sums[] = {((void)kVector, zero)...};
        for (size_t w = 0; w < width; ++w, turned += kSingleKeys) {
            const L value = L::broadcast(q[w]);
            ((sums[kVector] = fma(value, L::load(turned + kVector * kWidth), sums[kVector])), ...);
        }
        const L scale = L::broadcast(scale_of(width));
        (((sums[kVector] * scale).store(to + kVector * kWidth)), ...);
    }

    // e^(score - greatest) of all keys. The order of the maxima moves no bit of the powers.
    static void single_powers(float* scores, size_t length) {
        L most = L::broadcast(-__builtin_inff());
        for (size_t key = 0; key < length; key += kWidth) {
            const L now = greater_of(L::load(scores + key), most);
            most = first_of(lesser(length - key, kWidth), now, most);
        }
        most = L::broadcast(most.greatest());
        for (size_t key = 0; key < length; key += kWidth) {
            exp_of(L::load(scores + key) - most).store(scores + key);
        }
    }

    template <size_t... kVector>
    static void single_mix_of(const AttentionSinglePart& part,
                              const float* weights,
                              size_t w,
                              float* to,
                              std::index_sequence<kVector...> /*vectors*/) {
        const L zero = L::broadcast(0.0F);
        L row_sum = zero;
        L sums[] = {((void)kVector, zero)...};
        const float* values = part.v + w;
        for (size_t key = 0; key < part.length; ++key, values += part.kv_row) {
            const L weight = L::broadcast(weights[key]);
            row_sum = row_sum + weight;
            ((sums[kVector] = fma(weight, L::load(values + kVector * kWidth), sums[kVector])), ...);
        }
        (((sums[kVector] / row_sum).store(to + w + kVector * kWidth)), ...);
    }

    // One query's weights times the values, divided by the sum of the weights.
    static void single_mix(const AttentionSinglePart& part, const float* weights, float* to) {
        size_t w = 0;
        for (; w + kSingleKeys <= part.width; w += kSingleKeys) {
            single_mix_of(part, weights, w, to, std::make_index_sequence<kSingleVectors>());
        }
        for (; w + kWidth <= part.width; w += kWidth) {
            single_mix_of(part, weights, w, to, std::make_index_sequence<1>());
        }
        if (w == part.width) return;
        const size_t rest = part.width - w;
        L row_sum = L::broadcast(0.0F);
        L sum = row_sum;
        for (size_t key = 0; key < part.length; ++key) {
            const L weight = L::broadcast(weights[key]);
            row_sum = row_sum + weight;
            sum = fma(weight, L::load_first(part.v + key * part.kv_row + w, rest), sum);
        }
        (sum / row_sum).store_first(to + w, rest);
    }

    // All heads of a group that read one key-value head.
    static void single(const AttentionSinglePart& part, float* scratch) {
        float* const turned = scratch;
        float* const weights = turned + kSingleKeys * part.width;
        const size_t step = up(part.length, kSingleKeys);
        for (size_t key = 0; key < part.length; key += kSingleKeys) {
            const size_t count = lesser(kSingleKeys, part.length - key);
            if (count < kSingleKeys) {
                clear(turned, kSingleKeys * part.width);
            }
            const float* const k = part.k + key * part.kv_row;
            transpose(k, part.kv_row, count, part.width, turned, kSingleKeys);
            for (size_t head = 0; head < part.group; ++head) {
                single_scores_of(part.q + head * part.width,
                                 turned,
                                 part.width,
                                 weights + head * step + key,
                                 std::make_index_sequence<kSingleVectors>());
            }
        }
        for (size_t head = 0; head < part.group; ++head) {
            single_powers(weights + head * step, part.length);
            single_mix(part, weights + head * step, part.out + head * part.width);
        }
    }

    // What attention_paths.h lists for one instruction set.
    static constexpr AttentionPath path() {
        return {kBlock,
                forward_scratch,
                backward_scratch,
                single_scratch,
                forward,
                backward,
                single,
                RotaryBody<P>::rotate};
    }
};

}  // namespace assay
