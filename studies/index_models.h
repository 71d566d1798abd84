// What the kept indices of an update would cost with models of density: an ideal entropy coder
// behind adaptive integer models. Nothing is coded.
//
// Every live place of a chunk is a bit, kept or not. If all places were alike, its odds would be
// (what is left to keep) : (what is left to pass over), which is enumerative coding; each context
// multiplies them by a ratio learned from the places seen so far. Stateless functions.

#pragma once

#include "compression/sparse_update.h"

namespace assay {

// What reader and writer may look at beside the chunk's number of entries.
struct IndexContexts {
    bool row = false;     // how dense the row has been so far
    bool column = false;  // how dense the column has been so far in its tensor
    // What was sent in the round before, at this place and in this row. Not for the format: a
    // newcomer could not decode.
    const SparseUpdate* last_round = nullptr;
};

// Bits a kept value. REQUIRES: updates of this layout; last_round null or one chunk a tile.
double context_bits(const SparseUpdate& update,
                    const ParameterLayout& layout,
                    const IndexContexts& contexts);

// Bits a symbol of an adaptive model of order 0 that begins with half a count each.
// REQUIRES: not empty.
double adaptive_bits(const std::vector<uint64_t>& counts);

}  // namespace assay
