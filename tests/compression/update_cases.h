// A small layout with awkward tensors, and how one input byte chooses what the rest is taken for.
//
// Shared by the tests, the fuzz target and its corpus (fuzz/corpus/update_fuzz). Not a format.

#pragma once

#include <algorithm>
#include <string>

#include "compression/dense_update.h"
#include "compression/error_feedback.h"

namespace assay {

// Several chunks, a short last chunk, chunks of 1, 2 and 129 values.
inline ParameterLayout awkward_layout() {
    ParameterLayout layout;
    layout.add("one", 1, 1);
    layout.add("two", 1, 2);
    layout.add("norm", 1, 129);
    layout.add("matrix", 70, 120);
    layout.add("square", 64, 64);
    return layout;
}

struct UpdateCase {
    PayloadKind kind = PayloadKind::kSparse;
    uint32_t keep = 64;
    Bytes bytes;
};

// Bits 0..1 of the first byte: kind and keep; bit 2: the rest stands behind a valid header.
inline UpdateCase update_case(ByteSpan input, const ParameterLayout& layout) {
    constexpr uint32_t kKeeps[4] = {64, 1024, 4096, 0};
    constexpr PayloadKind kKinds[4] = {PayloadKind::kSparse,
                                       PayloadKind::kSparseAggregate,
                                       PayloadKind::kSparse,
                                       PayloadKind::kDense};
    const uint8_t first = input.empty() ? 0 : input[0];
    UpdateCase result{kKinds[first & 3U], kKeeps[first & 3U], {}};
    if ((first & 4U) != 0) {
        result.bytes = payload_header(result.kind, layout, result.keep);
    }
    const ByteSpan rest = input.empty() ? input : input.subspan(1);
    result.bytes.insert(result.bytes.end(), rest.begin(), rest.end());
    return result;
}

// Whether the case decodes; CHECKs that what decodes encodes to the same bytes.
inline Status decode_case(const UpdateCase& update, const ParameterLayout& layout) {
    if (update.kind == PayloadKind::kDense) {
        const Result<std::vector<float>> dense = decode_dense(update.bytes, layout);
        if (!dense) {
            return dense.error();
        }
        ASSAY_CHECK(encode_dense(*dense, layout) == update.bytes);
        return {};
    }
    const Result<SparseUpdate> sparse =
        decode_sparse(update.bytes, layout, update.kind, update.keep);
    if (!sparse) {
        return sparse.error();
    }
    ASSAY_CHECK(encode_sparse(*sparse, layout, update.kind, update.keep) == update.bytes);
    ASSAY_CHECK_LE(update.bytes.size(), sparse_bytes_max(layout, update.keep));
    return {};
}

// REQUIRES: decode_case accepts it. CHECKs that the values that it says code to the same update,
// and that nothing of them is left.
inline void check_coded_again(const UpdateCase& update, const ParameterLayout& layout) {
    if (update.kind == PayloadKind::kDense) {
        return;
    }
    const Result<SparseUpdate> sparse =
        decode_sparse(update.bytes, layout, update.kind, update.keep);
    std::vector<float> values(layout.value_count());
    expand_update(*sparse, values);
    ASSAY_CHECK(code_values(values, layout, update.keep) == *sparse);
    ASSAY_CHECK(std::all_of(values.begin(), values.end(), [](float x) { return x == 0; }));
}

}  // namespace assay
