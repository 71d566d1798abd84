// Every operation of a path's lanes as a function of plain arrays, so that a test compiled for any
// CPU can compare them. The files lanes_probe_<path>.cpp are compiled as those of the kernels are.

#pragma once

#include <cstddef>

namespace assay {

enum class KernelPath : int;

enum class LanesOp : int {
    kBroadcast,
    kLoad,
    kLoadFirst,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kFma,
    kSqrt,
    kGreaterOf,
    kLesserOf,
    kFirstOf,
    kPowerOfTwo,
    kExp,
    kSum,       // the result is out[0]
    kGreatest,  // the result is out[0]
    kLog,       // of a[0]; the result is out[0]
    kEnd
};

// Sixteen values each; count <= 16 serves kLoadFirst, kFirstOf and how many values are stored
// (the others of out are left).
using LanesProbe =
    void (*)(LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out);

// REQUIRES: kernel_path_available(path).
LanesProbe lanes_probe(KernelPath path);

void probe_scalar(
    LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out);
void probe_avx2(
    LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out);
void probe_avx512(
    LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out);
void probe_neon(
    LanesOp op, const float* a, const float* b, const float* c, size_t count, float* out);

}  // namespace assay
