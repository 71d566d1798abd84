#include "net/channel.h"

#include "protocol/limits.h"

namespace assay {

namespace {

Refused refuse(uint64_t& counter, RefusalCode code, std::string reason) {
    ++counter;
    return Refused{code, "", std::move(reason)};
}

}  // namespace

std::variant<Incoming, Refused> open_incoming(Bytes wire, ChannelCounters& counters) {
    ++counters.messages_received;
    counters.bytes_received += wire.size();
    if (wire.size() > limits::kMessageBytesMax) {
        return refuse(counters.oversized,
                      RefusalCode::kOutOfBounds,
                      "a message has " + std::to_string(wire.size()) + " bytes; at most " +
                          std::to_string(limits::kMessageBytesMax) + " are allowed");
    }
    Result<Envelope> envelope = decode_envelope(wire);
    if (!envelope) {
        return refuse(counters.malformed, RefusalCode::kMalformed, envelope.reason());
    }
    if (Status signature = check_signature(*envelope); !signature) {
        return refuse(counters.bad_signature, RefusalCode::kBadSignature, signature.reason());
    }
    Result<Message> message = decode_message(envelope->kind, envelope->body);
    if (!message) {
        return refuse(counters.malformed, RefusalCode::kMalformed, message.reason());
    }
    return Incoming{envelope->signer, std::move(wire), std::move(*message)};
}

}  // namespace assay
