// Strangers' bytes into the payload decoders: nothing may crash, and whatever is accepted encodes
// to the very same bytes; its values code to the same update again where they can be sent as they
// are.
#include <algorithm>

#include "compression/error_feedback.h"
#include "tests/compression/update_cases.h"

namespace assay {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const ParameterLayout kLayout = awkward_layout();
    const UpdateCase update = update_case(ByteSpan(data, size), kLayout);
    const Status decoded = decode_case(update, kLayout);
    if (decoded.ok() && update.kind != PayloadKind::kDense) {
        const Result<SparseUpdate> sparse =
            decode_sparse(update.bytes, kLayout, update.kind, update.keep);
        std::vector<float> values(kLayout.value_count());
        expand_update(*sparse, values);
        ASSAY_CHECK(code_values(values, kLayout, update.keep) == *sparse);
        ASSAY_CHECK(std::all_of(values.begin(), values.end(), [](float x) { return x == 0; }));
    }
    return 0;
}

}  // namespace assay
