// Tiles of c in registers: the innermost loops of the blocked product, as templates over a path.
//
// Packed, a stands as [tile of rows][k][kRows], b as [panel][k][kGemmPanel]; what lies beyond the
// edge of a or b there holds anything: its products are never stored in c. P: gemm_body.h.

#pragma once

#include <cstddef>
#include <utility>

#include "kernels/gemm_paths.h"

namespace assay {

template <class P>
struct GemmSizes {
    static constexpr size_t kRows = P::kRows;
    static constexpr size_t kWidth = 16;  // of Lanes
    static constexpr size_t kColumns = kWidth * P::kVectors;
    static constexpr size_t kSlack = 16;  // packing stores whole vectors

    static constexpr size_t lesser(size_t a, size_t b) { return a < b ? a : b; }
    static constexpr size_t up(size_t x, size_t step) { return (x + step - 1) / step * step; }
};

template <class P>
struct GemmTiles : GemmSizes<P> {
    using Lanes = typename P::Lanes;
    using GemmSizes<P>::kRows;
    using GemmSizes<P>::kWidth;
    using GemmSizes<P>::kColumns;
    using GemmSizes<P>::lesser;

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

    // One row of a packed panel, which is read soon.
    static void prefetch_columns(const float* b) {
        __builtin_prefetch(b);
        if constexpr (P::kVectors == 2) {
            __builtin_prefetch(b + kWidth);
        }
    }

    // One row of c, which is written soon.
    static void prefetch_row(const float* c) {
        __builtin_prefetch(c, 1);
        if constexpr (P::kVectors == 2) {
            __builtin_prefetch(c + kWidth, 1);
        }
    }

    // Of what the loop over k comes to some steps later: the first cache holds no whole panel.
    static void prefetch_packed(const float* a, const float* b) {
        constexpr size_t kSteps = 8;
        __builtin_prefetch(a + kSteps * kRows);
        prefetch_columns(b + kSteps * kGemmPanel);
    }

    // c = (load ? c : +0) + a b for one tile, the rows kRow, k in order.
    template <bool kAhead, size_t... kRow>
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
            if constexpr (kAhead) {
                prefetch_packed(a, b);
            }
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

    // kCount rows by one panel of columns.
    template <size_t kCount>
    static void tile(const TileTask& task) {
        tile_of<false>(task, std::make_index_sequence<kCount>());
    }

    // A full tile that also fetches what the next one reads.
    static void full_tile_ahead(const TileTask& task) {
        tile_of<true>(task, std::make_index_sequence<kRows>());
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
        constexpr size_t kDepthInCache = 256;  // of a panel beside a's rows, 32 KB
        const Tile full = p.k > kDepthInCache ? &full_tile_ahead : tile_with(kRows, kAll);
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
};

}  // namespace assay
