// A peer's compressor over the whole model: what is owed, what is sent, what stays owed.
//
// The caller owns e and keeps the old one until the coordinator has counted the round.

#pragma once

#include <span>
#include <vector>

#include "compression/sparse_update.h"

namespace assay {

struct Compressed {
    SparseUpdate update;
    Bytes bytes;  // encode_update(update)
};

// e holds the error before, and after it what was not sent. Fails, e unchanged, where a value to be
// sent is not finite: the reason names the tensor and chunk.
// REQUIRES: three spans of layout.value_count() values.
Result<Compressed> compress(std::span<const float> theta_start,
                            std::span<const float> theta_end,
                            std::span<float> e,
                            const ParameterLayout& layout,
                            const CompressionSettings& settings);

// Selects and codes values (a on entry, fl(a - q) on return) chunk by chunk.
// Null threads: the caller alone.
// REQUIRES: layout.value_count() finite values, zeros in the padding.
SparseUpdate code_values(std::span<float> values,
                         const ParameterLayout& layout,
                         uint32_t keep,
                         ThreadPool* threads = nullptr);

}  // namespace assay
