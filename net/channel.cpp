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
    Result<Envelope> decoded = decode_envelope(wire);
    if (!decoded) {
        return refuse(counters.malformed, RefusalCode::kMalformed, decoded.reason());
    }
    Result<CheckedEnvelope> envelope = check_signature(std::move(*decoded), std::move(wire));
    if (!envelope) {
        return refuse(counters.bad_signature, RefusalCode::kBadSignature, envelope.reason());
    }
    Result<Message> message = decode_message((*envelope)->kind, (*envelope)->body);
    if (!message) {
        return refuse(counters.malformed, RefusalCode::kMalformed, message.reason());
    }
    const PeerId from = (*envelope)->signer;
    return Incoming{from, std::move(*envelope), std::move(*message)};
}

}  // namespace assay
