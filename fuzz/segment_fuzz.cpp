// As update_fuzz, with tensors so small that a hundred million inputs are a matter of an hour or
// two: what is accepted encodes to the very same bytes, and its values code to the same update.
//
// Bits 3 and 4 of the first byte choose the tensors, the others are those of update_case.
#include <array>

#include "compression/error_feedback.h"
#include "tests/compression/update_cases.h"

namespace assay {

namespace {

ParameterLayout layout_of(std::initializer_list<std::pair<uint64_t, uint64_t>> shapes) {
    ParameterLayout layout;
    for (const auto& [rows, columns] : shapes) {
        layout.add("t" + std::to_string(layout.tensors.size()), rows, columns);
    }
    return layout;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::array<ParameterLayout, 4> kLayouts = {layout_of({{1, 64}}),
                                                            layout_of({{8, 40}, {1, 16}}),
                                                            layout_of({{1, 1}, {3, 5}}),
                                                            layout_of({{64, 64}})};
    const size_t number = size == 0 ? 0 : (data[0] >> 3U) & 3U;
    const ParameterLayout& layout = kLayouts[number];
    const UpdateCase update = update_case(ByteSpan(data, size), layout);
    const Status decoded = decode_case(update, layout);
    if (decoded.ok() && update.kind != PayloadKind::kDense) {
        const Result<SparseUpdate> sparse =
            decode_sparse(update.bytes, layout, update.kind, update.keep);
        std::vector<float> values(layout.value_count());
        expand_update(*sparse, values);
        ASSAY_CHECK(code_values(values, layout, update.keep) == *sparse);
    }
    return 0;
}

}  // namespace assay
