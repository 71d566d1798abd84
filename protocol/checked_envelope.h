// An envelope that may be believed: its signature holds, and its bytes are kept as they came.
//
// Only unseal, which checks, and make_envelope, which signs, make one, and nobody can alter it: who
// is handed one does not check again. Protobuf bytes are not canonical, so what is stored is
// wire(), never a second encoding.

#pragma once

#include <utility>

#include "core/identity.h"
#include "protocol/messages.h"

namespace assay {

class CheckedEnvelope {
public:
    [[nodiscard]] const Envelope& operator*() const { return envelope_; }
    [[nodiscard]] const Envelope* operator->() const { return &envelope_; }
    operator const Envelope&() const { return envelope_; }  // NOLINT: implicit
    [[nodiscard]] const Bytes& wire() const { return wire_; }

private:
    CheckedEnvelope(Envelope envelope, Bytes wire)
        : envelope_(std::move(envelope)), wire_(std::move(wire)) {}
    friend CheckedEnvelope make_envelope(const Identity& identity, const Message& message);
    friend Result<CheckedEnvelope> check_signature(Envelope envelope, Bytes wire);

    Envelope envelope_;
    Bytes wire_;
};

}  // namespace assay
