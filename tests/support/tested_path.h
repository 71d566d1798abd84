// One form of the kernels at a time in a test: those that every machine of this kind has, and those
// without which the case is skipped.

#pragma once

#include <string>

#include "kernels/kernel_path.h"
#include "tests/support/skip.h"

namespace assay {

// test(path) for the scalar path, and for NEON, which is part of every arm64.
template <class Test>
void on_paths_of_every_machine(const Test& test) {
    for (const KernelPath path : {KernelPath::kScalar, KernelPath::kNeon}) {
        if (kernel_path_available(path)) {
            test(path);
        }
    }
}

// The whole of a case tagged [needs_avx2] or [needs_avx512].
template <class Test>
void on_path(KernelPath path, const Test& test) {
    if (!kernel_path_available(path)) {
        skip_case("this machine has no " + std::string(kernel_path_name(path)) + " kernels");
        return;
    }
    test(path);
}

}  // namespace assay
