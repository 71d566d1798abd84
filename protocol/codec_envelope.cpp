// Signatures around messages.
#include "core/check.h"
#include "protocol/codec_parts.h"

namespace assay {

Digest envelope_digest(uint8_t kind, ByteSpan body) {
    return sha256("envelope", ByteSpan(&kind, 1), body);
}

CheckedEnvelope make_envelope(const Identity& identity, const Message& message) {
    Envelope envelope;
    envelope.signer = identity.id();
    envelope.kind = message_kind(message);
    envelope.body = encode_message(message);
    ASSAY_CHECK(envelope.kind >= 1 && envelope.kind <= std::variant_size_v<Message>);
    envelope.signature = identity.sign(envelope_digest(envelope.kind, envelope.body).span());
    Bytes wire = encode_envelope(envelope);
    return {std::move(envelope), std::move(wire)};
}

Bytes encode_envelope(const Envelope& envelope) {
    v1::Envelope wire;
    wire.set_signer(wire_bytes(envelope.signer));
    wire.set_kind(envelope.kind);
    wire.set_body(envelope.body.data(), envelope.body.size());
    wire.set_signature(envelope.signature.data(), envelope.signature.size());
    return serialize(wire);
}

Bytes seal(const Identity& identity, const Message& message) {
    return make_envelope(identity, message).wire();
}

static void from_wire(const v1::Envelope& wire, FieldCheck& check, Envelope& envelope) {
    envelope.signer = check.peer("signer", wire.signer());
    envelope.kind =
        static_cast<uint8_t>(check.number("kind", wire.kind(), 1, std::variant_size_v<Message>));
    check.require(
        wire.signature().size() == envelope.signature.size(), "signature", "has not 64 bytes");
    if (check.ok()) {
        envelope.body.assign(wire.body().begin(), wire.body().end());
        std::copy(wire.signature().begin(), wire.signature().end(), envelope.signature.begin());
    }
}

Result<Envelope> decode_envelope(ByteSpan wire) {
    return parse<Envelope, v1::Envelope>("Envelope", wire, limits::kMessageBytesMax);
}

Result<CheckedEnvelope> check_signature(Envelope envelope, Bytes wire) {
    const Digest digest = envelope_digest(envelope.kind, envelope.body);
    if (!verify_signature(envelope.signer, digest.span(), envelope.signature)) {
        return fail("Envelope.signature is not of peer " + envelope.signer.brief() + " over this " +
                    message_name(envelope.kind));
    }
    return CheckedEnvelope(std::move(envelope), std::move(wire));
}

Result<CheckedEnvelope> unseal(Bytes wire) {
    Result<Envelope> envelope = decode_envelope(wire);
    if (!envelope) {
        return envelope.error();
    }
    return check_signature(std::move(*envelope), std::move(wire));
}

Result<CheckedEnvelope> unseal(ByteSpan wire) {
    return unseal(Bytes(wire.begin(), wire.end()));
}

}  // namespace assay
