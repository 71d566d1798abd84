// The blocked product, as a template over a path's types: the chains of gemm_scalar.cpp.
//
// A tile of c lives in registers while k runs over a block of k; it is stored, and loaded again for
// the next block, so its chains do not break. Packed, a stands as [tile of rows][k][kRows], b as
// [panel][k][kGemmPanel]; what lies beyond the edge of a or b there holds anything: its products
// are never stored in c. Only kernels/gemm_*.cpp include this.
//
// P, a type with internal linkage (so that no other file can call what is compiled here): Lanes;
// kRows and kVectors, a tile being kRows x 16 kVectors; kBlockRows, kBlockDepth, kBlockColumns,
// the blocks of m, k, n; kSquare and transpose_square().

#pragma once

#include <cstddef>
#include <utility>

#include "kernels/gemm_paths.h"

namespace assay {

template <class P>
struct GemmBody {
    using Lanes = typename P::Lanes;
    // One tile: rows of a and columns of b as packed, where the tile of c is, how much of k.
    struct TileTask {
        const float* a;
        const float* b;
        float* c;
        size_t c_row;
        size_t depth;
        bool load;
    };
    using Tile = void (*)(const TileTask& task);

    static constexpr size_t kRows = P::kRows;
    static constexpr size_t kWidth = 16;  // of Lanes
    static constexpr size_t kColumns = kWidth * P::kVectors;
    static constexpr size_t kSlack = 16;  // packing stores whole vectors

    static constexpr size_t lesser(size_t a, size_t b) { return a < b ? a : b; }
    static constexpr size_t up(size_t x, size_t step) { return (x + step - 1) / step * step; }

    // `count` in pieces of at most `most`, cut evenly, between multiples of step.
    struct Cut {
        size_t count;
        size_t step;
        size_t steps;
        size_t pieces;
        Cut(size_t all, size_t most, size_t unit)
            : count(all),
              step(unit),
              steps((all + unit - 1) / unit),
              pieces((all + most - 1) / most) {}
        [[nodiscard]] size_t first(size_t piece) const {
            return lesser(steps * piece / pieces * step, count);
        }
        [[nodiscard]] size_t widest() const { return (steps + pieces - 1) / pieces * step; }
    };

    static Cut cut_rows(const GemmPart& p) { return {p.m, P::kBlockRows, kRows}; }
    static Cut cut_depth(const GemmPart& p) { return {p.k, P::kBlockDepth, 1}; }
    static Cut cut_columns(const GemmPart& p) { return {p.n, P::kBlockColumns, kGemmPanel}; }

    static void prefetch_row(const float* c) {
        __builtin_prefetch(c, 1);
        if constexpr (P::kVectors == 2) {
            __builtin_prefetch(c + kWidth, 1);
        }
    }

    // c = (load ? c : +0) + a b for one tile, the rows kRow, k in order.
    template <size_t... kRow>
    static void tile_of(const TileTask& task, std::index_sequence<kRow...> /*rows*/) {
        const float* a = task.a;
        const float* b = task.b;
        float* const c = task.c;
        const size_t c_row = task.c_row;
        const Lanes zero = Lanes::broadcast(0.0F);
        Lanes left[] = {((void)kRow, zero)...};
        Lanes right[] = {((void)kRow, zero)...};
        if (task.load) {
            ((left[kRow] = Lanes::load(c + kRow * c_row)), ...);
            if constexpr (P::kVectors == 2) {
                ((right[kRow] = Lanes::load(c + kRow * c_row + kWidth)), ...);
            }
        }
        ((prefetch_row(c + (kRow + kRows) * c_row)), ...);  // of the tile that comes next
        for (size_t k = task.depth; k > 0; --k, a += kRows, b += kGemmPanel) {
            const Lanes b_left = Lanes::load(b);
            if constexpr (P::kVectors == 2) {
                const Lanes b_right = Lanes::load(b + kWidth);
                ((left[kRow] = fma(Lanes::broadcast(a[kRow]), b_left, left[kRow]),
                  right[kRow] = fma(Lanes::broadcast(a[kRow]), b_right, right[kRow])),
                 ...);
            } else {
                ((left[kRow] = fma(Lanes::broadcast(a[kRow]), b_left, left[kRow])), ...);
            }
        }
        ((left[kRow].store(c + kRow * c_row)), ...);
        if constexpr (P::kVectors == 2) {
            ((right[kRow].store(c + kRow * c_row + kWidth)), ...);
        }
    }

    template <size_t kCount>
    static void tile(const TileTask& task) {
        tile_of(task, std::make_index_sequence<kCount>());
    }

    // The tile function for each number of rows, 1 to kRows.
    template <size_t... kRow>
    static Tile tile_with(size_t rows, std::index_sequence<kRow...> /*rows*/) {
        static constexpr Tile kTiles[] = {&tile<kRow + 1>...};
        return kTiles[rows - 1];
    }

    // A tile at the right edge of c: computed beside it.
    static void edge_tile(Tile function, const TileTask& task, size_t rows, size_t columns) {
        float beside[kRows * kColumns] = {};
        for (size_t i = 0; task.load && i < rows; ++i) {
            for (size_t j = 0; j < columns; ++j) {
                beside[i * kColumns + j] = task.c[i * task.c_row + j];
            }
        }
        TileTask inside = task;
        inside.c = beside;
        inside.c_row = kColumns;
        function(inside);
        for (size_t i = 0; i < rows; ++i) {
            for (size_t j = 0; j < columns; ++j) {
                task.c[i * task.c_row + j] = beside[i * kColumns + j];
            }
        }
    }

    // Packed rows times packed columns, for one block: p.m, p.n, p.k and p.c are the block's.
    // Panels lie panel_step floats apart.
    static void multiply(const GemmPart& p, const float* a, const float* b, size_t panel_step) {
        constexpr auto kAll = std::make_index_sequence<kRows>();
        const Tile full = tile_with(kRows, kAll);
        for (size_t j = 0; j < p.n; j += kColumns) {
            const float* panel = b + j / kGemmPanel * panel_step + j % kGemmPanel;
            const size_t columns = lesser(kColumns, p.n - j);
            for (size_t i = 0; i < p.m; i += kRows) {
                const size_t rows = lesser(kRows, p.m - i);
                const Tile function = rows == kRows ? full : tile_with(rows, kAll);
                const TileTask task = {
                    a + i * p.k, panel, p.c + i * p.c_row + j, p.c_row, p.k, p.accumulate};
                if (columns == kColumns) {
                    function(task);
                } else {
                    edge_tile(function, task, rows, columns);
                }
            }
        }
    }

    // --- packing: lines (rows of a, columns of b) side by side, kLine of them, k by k

    // All lines of a block that are contiguous in memory at each k: a few k of every group of kLine
    // lines at a time, for each k may lie on a page of its own.
    template <size_t kLine>
    static void pack_across(
        const float* from, size_t k_step, size_t lines, size_t depth, float* to) {
        constexpr size_t kTogether = 8;
        for (size_t first = 0; first < depth; first += kTogether) {
            const size_t last = lesser(first + kTogether, depth);
            for (size_t line = 0; line < lines; line += kLine) {
                const size_t count = lesser(kLine, lines - line);
                for (size_t k = first; k < last; ++k) {
                    const float* source = from + k * k_step + line;
                    __builtin_prefetch(source + kTogether * k_step);
                    copy_lines<kLine>(source, count, to + line * depth + k * kLine);
                }
            }
        }
    }

    template <size_t kLine>
    static void copy_lines(const float* from, size_t count, float* to) {
        if (count == kLine) {
            P::template copy_line<kLine>(from, to);
            return;
        }
        for (size_t line = 0; line < count; ++line) {
            to[line] = from[line];
        }
    }

    // Lines whose k are contiguous in memory. Writes up to kSlack floats beyond the end.
    template <size_t kLine>
    static void pack_along(
        const float* from, size_t line_step, size_t lines, size_t depth, float* to) {
        constexpr size_t kSquare = P::kSquare;
        const size_t whole = depth / kSquare * kSquare;
        for (size_t k = 0; k < whole; k += kSquare) {
            for (size_t line = up(lines, kSquare); line > 0;) {  // down: a square may write
                line -= kSquare;                                 // into the next k's first lines
                const float* rows[kSquare];
                for (size_t i = 0; i < kSquare; ++i) {
                    rows[i] = from + lesser(line + i, lines - 1) * line_step + k;
                }
                P::template transpose_square<kLine>(rows, to + k * kLine + line);
            }
        }
        for (size_t k = whole; k < depth; ++k) {
            for (size_t line = 0; line < lines; ++line) {
                to[k * kLine + line] = from[line * line_step + k];
            }
        }
    }

    // p.a, p.m and p.k are the block's.
    static void pack_a(const GemmPart& p, float* to) {
        if (p.a_row == 1) {
            pack_across<kRows>(p.a, p.a_k, p.m, p.k, to);
            return;
        }
        for (size_t i = 0; i < p.m; i += kRows) {
            pack_along<kRows>(
                p.a + i * p.a_row, p.a_row, lesser(kRows, p.m - i), p.k, to + i * p.k);
        }
    }

    // p.b, p.n and p.k are the block's.
    static void pack_b(const GemmPart& p, float* to) {
        if (p.b_column == 1) {
            pack_across<kGemmPanel>(p.b, p.b_k, p.n, p.k, to);
            return;
        }
        for (size_t j = 0; j < p.n; j += kGemmPanel) {
            pack_along<kGemmPanel>(
                p.b + j * p.b_column, p.b_column, lesser(kGemmPanel, p.n - j), p.k, to + j * p.k);
        }
    }

    // --- the blocks

    static void clear(const GemmPart& p) {
        for (size_t i = 0; i < p.m; ++i) {
            for (size_t j = 0; j < p.n; ++j) {
                p.c[i * p.c_row + j] = 0.0F;
            }
        }
    }

    // All rows of p with one packed block of b.
    static void run_rows(const GemmPart& p, const float* b, size_t panel_step, float* packed_a) {
        const Cut rows = cut_rows(p);
        for (size_t block = 0; block < rows.pieces; ++block) {
            GemmPart part = p;
            const size_t first = rows.first(block);
            part.m = rows.first(block + 1) - first;
            part.a = p.a + first * p.a_row;
            part.c = p.c + first * p.c_row;
            pack_a(part, packed_a);
            multiply(part, packed_a, b, panel_step);
        }
    }

    static size_t packed_a_floats(const GemmPart& p) {
        return up(cut_rows(p).widest() * cut_depth(p).widest() + kSlack, kSlack);
    }

    static size_t scratch(const GemmPart& p) {
        if (p.m == 0 || p.n == 0 || p.k == 0) return 0;
        const size_t packed_b =
            p.panels != nullptr ? 0 : cut_columns(p).widest() * cut_depth(p).widest() + kSlack;
        return packed_a_floats(p) + packed_b;
    }

    static void run_blocks(const GemmPart& p, float* scratch) {
        const Cut columns = cut_columns(p);
        const Cut depths = cut_depth(p);
        float* const packed_b = scratch + packed_a_floats(p);
        for (size_t column = 0; column < columns.pieces; ++column) {
            for (size_t depth = 0; depth < depths.pieces; ++depth) {
                GemmPart part = p;
                const size_t j = columns.first(column);
                const size_t k = depths.first(depth);
                part.n = columns.first(column + 1) - j;
                part.k = depths.first(depth + 1) - k;
                part.a = p.a + k * p.a_k;
                part.c = p.c + j;
                part.accumulate = p.accumulate || depth > 0;
                if (p.panels != nullptr) {
                    run_rows(part, p.panels + j * p.k + k * kGemmPanel, p.k * kGemmPanel, scratch);
                    continue;
                }
                part.b = p.b + j * p.b_column + k * p.b_k;
                pack_b(part, packed_b);
                run_rows(part, packed_b, part.k * kGemmPanel, scratch);
            }
        }
    }

    // --- one row of a with panels that memory has to deliver: several panels at a time

    template <size_t... kVector>
    static void stream_of(const GemmPart& p,
                          const float* panels,
                          float* c,
                          std::index_sequence<kVector...> /*vectors*/) {
        const size_t step = p.k * kGemmPanel;
        const Lanes zero = Lanes::broadcast(0.0F);
        Lanes sums[] = {((void)kVector, zero)...};
        for (size_t k = 0; k < p.k; ++k) {
            const Lanes a = Lanes::broadcast(p.a[k]);
            const float* b = panels + k * kGemmPanel;
            ((sums[kVector] = fma(
                  a, Lanes::load(b + kVector / 2 * step + kVector % 2 * kWidth), sums[kVector])),
             ...);
        }
        ((sums[kVector].store(c + kVector * kWidth)), ...);
    }

    static void stream_row(const GemmPart& p) {
        constexpr size_t kTogether = P::kStreamPanels;
        float beside[kTogether * kGemmPanel];
        size_t j = 0;
        for (; j + kTogether * kGemmPanel <= p.n; j += kTogether * kGemmPanel) {
            stream_of(p, p.panels + j * p.k, p.c + j, std::make_index_sequence<2 * kTogether>());
        }
        for (; j < p.n; j += kGemmPanel) {
            stream_of(p, p.panels + j * p.k, beside, std::make_index_sequence<2>());
            for (size_t column = 0; column < lesser(kGemmPanel, p.n - j); ++column) {
                p.c[j + column] = beside[column];
            }
        }
    }

    static void run(const GemmPart& p, float* scratch) {
        if (p.k == 0) {
            if (!p.accumulate) clear(p);
        } else if (p.panels != nullptr && p.m == 1 && p.a_k == 1 && !p.accumulate) {
            stream_row(p);
        } else {
            run_blocks(p, scratch);
        }
    }
};

}  // namespace assay
