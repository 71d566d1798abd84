// Inside of the codec: one pair of functions a message, between our structs and protobuf's classes.
//
// to_wire writes every field; from_wire checks every field. Included by protocol/codec_*.cpp alone.

#pragma once

#include "assay/v1/assay.pb.h"
#include "protocol/codec.h"
#include "protocol/field_check.h"
#include "protocol/limits.h"

namespace assay {

// As protobuf fields of type bytes hold them; reasons are cut to what may travel.
inline std::string wire_bytes(const Digest& digest) {
    return to_text(digest.span());
}
inline std::string wire_bytes(const PeerId& id) {
    return to_text(id.span());
}
inline std::string wire_reason(const std::string& text) {
    return sendable_text(text, limits::kTextBytesMax);
}

// NOLINTBEGIN(bugprone-macro-parentheses): the name of a type cannot stand in them
#define ASSAY_WIRE_PAIR(Type)                          \
    void to_wire(const Type& message, v1::Type& wire); \
    void from_wire(const v1::Type& wire, FieldCheck& check, Type& message)

ASSAY_WIRE_PAIR(BlobRef);
ASSAY_WIRE_PAIR(MerklePath);
ASSAY_WIRE_PAIR(RunManifest);
ASSAY_WIRE_PAIR(Hello);
ASSAY_WIRE_PAIR(Welcome);
ASSAY_WIRE_PAIR(Refusal);
ASSAY_WIRE_PAIR(SampleRange);
ASSAY_WIRE_PAIR(PlanPeer);
ASSAY_WIRE_PAIR(RoundPlan);
ASSAY_WIRE_PAIR(Commit);
ASSAY_WIRE_PAIR(PayloadNotice);
ASSAY_WIRE_PAIR(StepStates);
ASSAY_WIRE_PAIR(OpeningNotice);
ASSAY_WIRE_PAIR(Progress);
ASSAY_WIRE_PAIR(Close);
ASSAY_WIRE_PAIR(CloseNotice);
ASSAY_WIRE_PAIR(Beacon);
ASSAY_WIRE_PAIR(SummaryEntry);
ASSAY_WIRE_PAIR(RoundSummary);
ASSAY_WIRE_PAIR(Verdict);
ASSAY_WIRE_PAIR(StateLeaf);
ASSAY_WIRE_PAIR(AuditJob);
ASSAY_WIRE_PAIR(AuditReport);
ASSAY_WIRE_PAIR(BlobRequest);
ASSAY_WIRE_PAIR(BlobPiece);
ASSAY_WIRE_PAIR(Heartbeat);
ASSAY_WIRE_PAIR(Goodbye);
ASSAY_WIRE_PAIR(DebtNotice);
ASSAY_WIRE_PAIR(Receipt);
ASSAY_WIRE_PAIR(EvidenceRequest);
ASSAY_WIRE_PAIR(EvidenceEntry);
ASSAY_WIRE_PAIR(EvidenceIndex);

#undef ASSAY_WIRE_PAIR
// NOLINTEND(bugprone-macro-parentheses)

// A part of a message, with its name in front of the names of its fields.
template <typename W, typename T>
void part_from_wire(const W& wire, FieldCheck& check, const char* field, T& message) {
    const FieldCheck::Scope scope(check, field);
    from_wire(wire, check, message);
}

// A list of parts. Nothing is allocated before the count is known to be allowed.
template <typename W, typename T>
void list_from_wire(const W& wires,
                    FieldCheck& check,
                    const char* field,
                    uint64_t count_max,
                    std::vector<T>& messages) {
    if (!check.count(field, wires.size(), count_max)) {
        return;
    }
    messages.resize(static_cast<size_t>(wires.size()));
    for (size_t i = 0; i < messages.size() && check.ok(); ++i) {
        const FieldCheck::Scope scope(check, field, i);
        from_wire(wires.Get(static_cast<int>(i)), check, messages[i]);
    }
}

// In order. REQUIRES: `wires` is empty.
template <typename T, typename W>
void list_to_wire(const std::vector<T>& messages, W& wires) {
    for (const T& message : messages) {
        to_wire(message, *wires.Add());
    }
}

// Entries keyed by a peer stand in strictly increasing order of id, so each peer has one.
template <typename T>
bool in_order_of_peer(const std::vector<T>& entries, PeerId T::*key) {
    for (size_t i = 1; i < entries.size(); ++i) {
        if (!(entries[i - 1].*key < entries[i].*key)) {
            return false;
        }
    }
    return true;
}

// Fails a check above 2 GiB, which no message within limits.h reaches.
template <typename W>
Bytes serialize(const W& wire) {
    Bytes bytes(wire.ByteSizeLong());
    ASSAY_CHECK(wire.SerializeToArray(bytes.data(), static_cast<int>(bytes.size())));
    return bytes;
}

// The message `Type` from bytes, or what was wrong with them.
template <typename T, typename W>
Result<T> parse(const char* name, ByteSpan bytes, uint64_t size_max) {
    if (bytes.size() > size_max) {
        return fail(std::string(name) + " has " + std::to_string(bytes.size()) +
                    " bytes; at most " + std::to_string(size_max) + " are allowed");
    }
    W wire;
    if (!wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(std::string(name) + " is not well-formed protobuf");
    }
    FieldCheck check(name);
    T message;
    from_wire(wire, check, message);
    if (!check.ok()) {
        return check.status().error();
    }
    return message;
}

}  // namespace assay
