// Where the bits of the update format go: the cost of each kind of symbol under the format's own
// models, as an ideal coder would pay it. Stateless function.

#pragma once

#include "compression/sparse_update.h"

namespace assay {

// Bits a kept value.
struct PartBits {
    double indices = 0;
    double signs = 0;
    double magnitudes = 0;
    double scales = 0;  // and numbers of entries

    [[nodiscard]] double all() const { return indices + signs + magnitudes + scales; }
};

// REQUIRES: one canonical chunk a tile.
PartBits part_bits(const SparseUpdate& update, const ParameterLayout& layout, uint32_t keep);

}  // namespace assay
