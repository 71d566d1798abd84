// An array as blocks of sixteen lanes, the last one perhaps short.
//
// Templates over the lanes type (lanes_scalar.h): element i of an array is in lane i % 16 of its
// block. Only the bodies of kernels include this.

#pragma once

#include <cstddef>

#include "kernels/lanes_scalar.h"

namespace assay {

// Sixteen values of an array.
template <class L>
struct WholeBlock {
    // As for a short block, with all lanes inside.
    [[nodiscard]] L load(const float* from) const { return L::load(from); }
    void store(float* to, L value) const { value.store(to); }
    [[nodiscard]] L inside(L value, L) const { return value; }
};

// The last values of an array, fewer than sixteen: +0 is read in the other lanes.
template <class L>
struct ShortBlock {
    size_t count;
    // Lanes behind `count` are +0 when loaded and not stored; inside() puts `outside` there.
    [[nodiscard]] L load(const float* from) const { return L::load_first(from, count); }
    void store(float* to, L value) const { value.store_first(to, count); }
    [[nodiscard]] L inside(L value, L outside) const { return first_of(count, value, outside); }
};

// Calls body(i, block) for i = first, first + 16, .. in order.
template <class L, class Body>
[[gnu::always_inline]] inline void each_block(size_t first, size_t last, const Body& body) {
    size_t i = first;
    for (; i + kLanes <= last; i += kLanes) {
        body(i, WholeBlock<L>{});
    }
    if (i < last) {
        body(i, ShortBlock<L>{last - i});
    }
}

// Lane 0, where all lanes hold the same.
template <class L>
float first_lane(L value) {
    float first = 0;
    value.store_first(&first, 1);
    return first;
}

}  // namespace assay
