// Strangers' bytes into the payload decoders: nothing may crash, and whatever is accepted encodes
// to the very same bytes; its values code to the same update again where they can be sent as they
// are.
#include "tests/compression/update_cases.h"

namespace assay {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const ParameterLayout kLayout = awkward_layout();
    const UpdateCase update = update_case(ByteSpan(data, size), kLayout);
    if (decode_case(update, kLayout).ok()) {
        check_coded_again(update, kLayout);
    }
    return 0;
}

}  // namespace assay
