// The rotation of pairs, once for all paths: a template over the lanes type (lanes_scalar.h).
//
// Only kernels/attention_*.cpp include this; no function of the standard library is called here.

#pragma once

#include <cstddef>

#include "kernels/attention_paths.h"

namespace assay {

// P, a type with internal linkage: Lanes.
template <class P>
struct RotaryBody {
    using L = typename P::Lanes;
    static constexpr size_t kWidth = 16;  // of L

    // One head of one row. The products of -b with sin and of b with -sin are the same numbers.
    static void rotate_head(const RotatePart& part, const float* cos, const float* sin, float* x) {
        const L sign = L::broadcast(part.sign);
        const L minus = L::broadcast(-part.sign);
        size_t i = 0;
        for (; i + kWidth <= part.half; i += kWidth) {
            const L a = L::load(x + i);
            const L b = L::load(x + part.half + i);
            const L c = L::load(cos + i);
            const L s = L::load(sin + i);
            fma(b, s * minus, a * c).store(x + i);
            fma(a, s * sign, b * c).store(x + part.half + i);
        }
        if (i < part.half) {
            const size_t rest = part.half - i;
            const L a = L::load_first(x + i, rest);
            const L b = L::load_first(x + part.half + i, rest);
            const L c = L::load_first(cos + i, rest);
            const L s = L::load_first(sin + i, rest);
            fma(b, s * minus, a * c).store_first(x + i, rest);
            fma(a, s * sign, b * c).store_first(x + part.half + i, rest);
        }
    }

    // Rows [first, last): each head's pairs (i, i + half) turned by the row's position.
    static void rotate(const RotatePart& part) {
        for (size_t row = part.first; row < part.last; ++row) {
            const size_t position = part.first_position + row % part.tokens;
            for (size_t head = 0; head < part.heads; ++head) {
                rotate_head(part,
                            part.cos + position * part.half,
                            part.sin + position * part.half,
                            part.x + (row * part.heads + head) * 2 * part.half);
            }
        }
    }
};

}  // namespace assay
