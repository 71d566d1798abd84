// The body of lanes_probe_<path>.cpp, a template over the lanes type. Only those files include it.

#pragma once

#include "kernels/lanes_math.h"
#include "tests/kernels/lanes_probe.h"

namespace assay {

template <class L>
L probed(LanesOp op, const float* from, L a, L b, L c, size_t count) {
    switch (op) {
        case LanesOp::kBroadcast:
            return L::broadcast(from[0]);
        case LanesOp::kLoadFirst:
            return L::load_first(from, count);
        case LanesOp::kAdd:
            return a + b;
        case LanesOp::kSubtract:
            return a - b;
        case LanesOp::kMultiply:
            return a * b;
        case LanesOp::kDivide:
            return a / b;
        case LanesOp::kFma:
            return fma(a, b, c);
        case LanesOp::kSqrt:
            return sqrt(a);
        case LanesOp::kGreaterOf:
            return greater_of(a, b);
        case LanesOp::kLesserOf:
            return lesser_of(a, b);
        case LanesOp::kFirstOf:
            return first_of(count, a, b);
        case LanesOp::kPowerOfTwo:
            return power_of_two(a);
        case LanesOp::kExp:
            return exp_of(a);
        case LanesOp::kSum:
            return L::broadcast(a.sum());
        case LanesOp::kGreatest:
            return L::broadcast(a.greatest());
        case LanesOp::kLog:
            return L::broadcast(log_of<L>(from[0]));
        default:
            return a;
    }
}

template <class L>
void probe(LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out) {
    const L result = probed(op, a, L::load(a), L::load(b), L::load(c), count);
    if (count == 16) {
        result.store(out);
    } else {
        result.store_first(out, count);
    }
}

}  // namespace assay
