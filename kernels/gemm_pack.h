// Packing of operands: lines (rows of a, columns of b) side by side, k by k, as gemm_tile.h has
// them.
//
// Always, even where an operand could be read as it is: rows a power of two apart fall into one set
// of the cache. P: gemm_body.h.

#pragma once

#include <cstddef>

#include "kernels/gemm_tile.h"

namespace assay {

template <class P>
struct GemmPacking : GemmSizes<P> {
    using GemmSizes<P>::kRows;
    using GemmSizes<P>::lesser;
    using GemmSizes<P>::up;

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

    // `count` values of one line; the whole line by vectors.
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
};

}  // namespace assay
