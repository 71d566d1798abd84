// Strangers' bytes into the codec: nothing may crash, and what is accepted encodes to bytes that
// mean the same. The first byte picks a kind, so that bodies are reached without a signature.
#include "protocol/codec.h"

namespace assay {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const ByteSpan input(data, size);
    const Result<CheckedEnvelope> envelope = unseal(input);
    if (envelope.ok()) {
        ASSAY_CHECK(unseal(encode_envelope(*envelope)).ok());
    }
    if (size == 0) {
        return 0;
    }
    const ByteSpan body = input.subspan(1);
    const auto kind = static_cast<uint8_t>(1 + data[0] % 18);
    const Result<Message> message = decode_message(kind, body);
    if (message.ok()) {
        const Bytes canonical = encode_message(*message);
        const Result<Message> again = decode_message(kind, canonical);
        ASSAY_CHECK(again.ok());
        ASSAY_CHECK(encode_message(*again) == canonical);
    }
    (void)decode_manifest(body);
    (void)decode_verdict(body);
    (void)decode_close(body);
    return 0;
}

}  // namespace assay
