// The gradients of one round, kept until its verdict: in memory, or in one file where they are
// many.
//
// Not a log: it is gone with the object. One thread owns it.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "core/result.h"

namespace assay {

struct StorePlace {
    uint64_t memory_bytes = uint64_t{1} << 30;  // more than this goes to a file
    std::filesystem::path folder;               // empty: the system's temporary folder
};

class GradientStore {
public:
    virtual ~GradientStore() = default;
    // Room for `steps` gradients of `values` values each. Fails if the file cannot be made.
    static Result<std::unique_ptr<GradientStore>> open(uint64_t values,
                                                       uint32_t steps,
                                                       const StorePlace& place);

    // REQUIRES: step < steps, g has `values` values. Fails where the disk is full.
    virtual Status put(uint32_t step, std::span<const float> g) = 0;
    // Reads out.size() values from `first`. REQUIRES: they lie inside a gradient that was put.
    virtual Status get(uint32_t step, uint64_t first, std::span<float> out) const = 0;
};

}  // namespace assay
