// Decoder and encoder of payloads on small tensors (tests/compression/segment_cases.h).

#include "tests/compression/segment_cases.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    (void)assay::segment_case(assay::ByteSpan(data, size));
    return 0;
}
