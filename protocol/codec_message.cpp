// From a message's kind to its bytes and back.
#include <array>

#include "protocol/codec_parts.h"

namespace assay {

namespace {

struct KindInfo {
    const char* name;
    uint64_t body_bytes_max;  // tighter for what peers send: protobuf's objects outgrow their bytes
};

constexpr uint64_t kSmall = uint64_t{16} * 1024;
constexpr uint64_t kRefs = uint64_t{64} * 1024;
constexpr uint64_t kOpenings = uint64_t{512} * 1024;
constexpr uint64_t kPiece = limits::kPieceBytes + 4096;
constexpr uint64_t kLarge = limits::kMessageBytesMax;

constexpr std::array<KindInfo, std::variant_size_v<Message>> kKinds = {{
    {"Hello", kSmall},
    {"Welcome", kLarge},
    {"Refusal", kSmall},
    {"RoundPlan", kLarge},
    {"Commit", kSmall},
    {"PayloadNotice", kRefs},
    {"OpeningNotice", kOpenings},
    {"Progress", kSmall},
    {"CloseNotice", kSmall},
    {"Beacon", kSmall},
    {"RoundSummary", kLarge},
    {"AuditJob", kLarge},
    {"AuditReport", kSmall},
    {"BlobRequest", kSmall},
    {"BlobPiece", kPiece},
    {"Heartbeat", kSmall},
    {"Goodbye", kSmall},
    {"DebtNotice", kSmall},
    {"Receipt", kSmall},
    {"EvidenceRequest", kSmall},
    {"EvidenceIndex", kLarge},
}};

// The generated class of one of our structs.
template <typename T>
struct Wire;
#define ASSAY_WIRE(Type)       \
    template <>                \
    struct Wire<Type> {        \
        using type = v1::Type; \
    }
ASSAY_WIRE(Hello);
ASSAY_WIRE(Welcome);
ASSAY_WIRE(Refusal);
ASSAY_WIRE(RoundPlan);
ASSAY_WIRE(Commit);
ASSAY_WIRE(PayloadNotice);
ASSAY_WIRE(OpeningNotice);
ASSAY_WIRE(Progress);
ASSAY_WIRE(CloseNotice);
ASSAY_WIRE(Beacon);
ASSAY_WIRE(RoundSummary);
ASSAY_WIRE(AuditJob);
ASSAY_WIRE(AuditReport);
ASSAY_WIRE(BlobRequest);
ASSAY_WIRE(BlobPiece);
ASSAY_WIRE(Heartbeat);
ASSAY_WIRE(Goodbye);
ASSAY_WIRE(DebtNotice);
ASSAY_WIRE(Receipt);
ASSAY_WIRE(EvidenceRequest);
ASSAY_WIRE(EvidenceIndex);
#undef ASSAY_WIRE

template <size_t I>
Result<Message> decode_kind(ByteSpan body) {
    using T = std::variant_alternative_t<I, Message>;
    Result<T> message =
        parse<T, typename Wire<T>::type>(kKinds[I].name, body, kKinds[I].body_bytes_max);
    if (!message) {
        return message.error();
    }
    return Message(std::move(*message));
}

using Decoder = Result<Message> (*)(ByteSpan);

template <size_t... I>
constexpr std::array<Decoder, sizeof...(I)> decoders(std::index_sequence<I...>) {
    return {&decode_kind<I>...};
}

constexpr auto kDecoders = decoders(std::make_index_sequence<kKinds.size()>());

template <typename W, typename T>
Bytes encode_as(const T& message) {
    W wire;
    to_wire(message, wire);
    return serialize(wire);
}

}  // namespace

uint8_t message_kind(const Message& message) {
    return static_cast<uint8_t>(message.index() + 1);
}

const char* message_name(uint8_t kind) {
    return kind >= 1 && kind <= kKinds.size() ? kKinds[kind - 1U].name : "unknown message";
}

Bytes encode_message(const Message& message) {
    return std::visit(
        [](const auto& body) {
            using T = std::decay_t<decltype(body)>;
            return encode_as<typename Wire<T>::type>(body);
        },
        message);
}

Result<Message> decode_message(uint8_t kind, ByteSpan body) {
    if (kind < 1 || kind > kDecoders.size()) {
        return fail("unknown kind of message: " + std::to_string(kind));
    }
    return kDecoders[kind - 1U](body);
}

Bytes encode_manifest(const RunManifest& manifest) {
    return encode_as<v1::RunManifest>(manifest);
}

Result<RunManifest> decode_manifest(ByteSpan bytes) {
    return parse<RunManifest, v1::RunManifest>("RunManifest", bytes, limits::kMessageBytesMax);
}

Bytes encode_verdict(const Verdict& verdict) {
    return encode_as<v1::Verdict>(verdict);
}

Result<Verdict> decode_verdict(ByteSpan bytes) {
    return parse<Verdict, v1::Verdict>("Verdict", bytes, kSmall);
}

Bytes encode_close(const Close& close) {
    return encode_as<v1::Close>(close);
}

Result<Close> decode_close(ByteSpan bytes) {
    return parse<Close, v1::Close>("Close", bytes, kSmall);
}

}  // namespace assay
