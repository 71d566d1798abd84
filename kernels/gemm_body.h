// The blocked product, as a template over a path's types: the chains of gemm_scalar.cpp.
//
// A tile of c lives in registers while k runs over a block of k; it is stored, and loaded again for
// the next block, so its chains do not break. Only kernels/gemm_*.cpp include this.
//
// P, a type with internal linkage (so that no other file can call what is compiled here): Lanes;
// kRows and kVectors, a tile being kRows x 16 kVectors; kBlockRows, kBlockDepth, kBlockColumns,
// the most of m, k, n in a block; kStreamPanels, how many panels to read at once; kSquare,
// transpose_square() and copy_line() for packing.

#pragma once

#include <cstddef>
#include <utility>

#include "kernels/gemm_pack.h"
#include "kernels/gemm_tile.h"

namespace assay {

template <class P>
struct GemmBody : GemmSizes<P> {
    using Lanes = typename P::Lanes;
    using Packing = GemmPacking<P>;
    using GemmSizes<P>::kRows;
    using GemmSizes<P>::kWidth;
    using GemmSizes<P>::kSlack;
    using GemmSizes<P>::lesser;
    using GemmSizes<P>::up;

    // `count` in pieces of at most `most`, cut evenly, between multiples of step.
    struct Cut {
        size_t count;
        size_t step;
        size_t steps;
        size_t pieces;
        // As few pieces as `most` allows, alike in size, multiples of `unit` but for the last.
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

    // A product over no depth at all.
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
            Packing::pack_a(part, packed_a);
            GemmTiles<P>::multiply(part, packed_a, b, panel_step);
        }
    }

    // Room for the widest piece of a.
    static size_t packed_a_floats(const GemmPart& p) {
        return up(cut_rows(p).widest() * cut_depth(p).widest() + kSlack, kSlack);
    }

    // Floats of scratch that run() needs: both operands packed, b only where it is not yet.
    static size_t scratch(const GemmPart& p) {
        if (p.m == 0 || p.n == 0 || p.k == 0) return 0;
        const size_t packed_b =
            p.panels != nullptr ? 0 : cut_columns(p).widest() * cut_depth(p).widest() + kSlack;
        return packed_a_floats(p) + packed_b;
    }

    // Cuts columns and depth so that packed operands stay in cache; depths are added in order.
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
                Packing::pack_b(part, packed_b);
                run_rows(part, packed_b, part.k * kGemmPanel, scratch);
            }
        }
    }

    // One row of a with panels that memory has to deliver: several panels at a time

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

    // One row times panels: each is read once, nothing is packed.
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

    // The product that GemmPart describes, by the way that fits its shape.
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
