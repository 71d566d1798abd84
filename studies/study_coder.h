// A coder of updates that no peer runs: to see what other selections and values cost in loss.
//
// Set to the format's own choices it gives the format's own values, bit for bit. Nothing is coded
// but counted: bits as ideal coders without models of place would pay them. Stateless.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "studies/format_costs.h"

namespace assay {

enum class ScaleFormat : uint8_t { k12Bits, kFp16, kBf16, kLog8 };

struct StudyCoding {
    Selection selection = Selection::kRows;
    ValueCoding values;  // its `scale` follows from `scales`
    ScaleFormat scales = ScaleFormat::k12Bits;
    bool dense_vectors = false;  // tensors of one dimension whole, as fp16
};

struct StudyUpdate {
    std::vector<float> q;  // layout.value_count() values, zeros where nothing is sent
    uint64_t kept = 0;     // values sent
    double bits = 0;       // header, indices, signs (one bit each), magnitudes, scales
};

// Magnitudes of a spread selection are still those of 4096 consecutive values.
// `values`: a on entry, fl(a - q) on return.
// REQUIRES: layout.value_count() finite values, zeros in the padding.
StudyUpdate study_code(std::span<float> values,
                       const ParameterLayout& layout,
                       uint32_t keep,
                       const StudyCoding& coding);

}  // namespace assay
