// Bytes of the messages: protobuf inside, plain structs outside.
//
// decode_* accept bytes from strangers: every bound of protocol/limits.h is checked, and a refusal
// says which field of which message was wrong. The only user of the generated protobuf classes.
// Protobuf bytes are not canonical: what is signed or hashed is always the bytes as sent.

#pragma once

#include "protocol/checked_envelope.h"
#include "protocol/messages.h"

namespace assay {

// Body of one message, without signature.
Bytes encode_message(const Message& message);
Result<Message> decode_message(uint8_t kind, ByteSpan body);

// Signs; returns the envelope's wire bytes.
Bytes seal(const Identity& identity, const Message& message);
CheckedEnvelope make_envelope(const Identity& identity, const Message& message);
Bytes encode_envelope(const Envelope& envelope);
// Checks sizes alone, neither signature nor body.
Result<Envelope> decode_envelope(ByteSpan wire);
// Whether the signature is the signer's; `wire` is what the envelope was decoded from.
Result<CheckedEnvelope> check_signature(Envelope envelope, Bytes wire);
// Both of them.
Result<CheckedEnvelope> unseal(Bytes wire);
Result<CheckedEnvelope> unseal(ByteSpan wire);
Digest envelope_digest(uint8_t kind, ByteSpan body);
uint8_t message_kind(const Message& message);
const char* message_name(uint8_t kind);

// Typed bodies: for the ledger, and for digests. Same bounds as above.
template <typename T>
Bytes encode_body(const T& message) {
    return encode_message(Message(message));
}
template <typename T>
Result<T> decode_body(ByteSpan body) {
    const uint8_t kind = message_kind(Message(T{}));
    Result<Message> message = decode_message(kind, body);
    if (!message) {
        return message.error();
    }
    return std::get<T>(std::move(*message));
}

// Bodies that are stored but never sent alone.
Bytes encode_manifest(const RunManifest& manifest);
Result<RunManifest> decode_manifest(ByteSpan bytes);
Bytes encode_verdict(const Verdict& verdict);
Result<Verdict> decode_verdict(ByteSpan bytes);
Bytes encode_close(const Close& close);
Result<Close> decode_close(ByteSpan bytes);

// Digests by which messages name one another: over own bytes (protocol/digests.cpp), not
// protobuf's.
Digest manifest_digest(const RunManifest& manifest);
Digest plan_digest(const RoundPlan& plan);
Digest commit_hash(const Envelope& commit);
Digest close_leaf(const CloseEntry& entry);
// Of a verdict: from these anybody can compute it again. opening: plain SHA-256, zero if none came.
Digest evidence_digest(const Digest& beacon, const Digest& commit_hash, const Digest& opening);
Digest beacon_value(const Digest& chain_element, const Digest& close_root);
Digest audit_job_digest(const AuditJob& job);
// Leaves of a peer's chain, with its id in them: nobody can open another one's roots as its own.
Digest state_leaf_digest(const PeerId& peer, uint64_t step, const StateLeaf& leaf);
Digest end_leaf_digest(const PeerId& peer, const EndLeaf& leaf);
Digest trace_leaf_digest(const PeerId& peer, uint64_t step, const TraceStep& step_trace);
Digest batch_digest(const std::vector<uint64_t>& samples);
Digest roster_root(const std::vector<PlanPeer>& peers);
Digest pool_root(const std::vector<SampleRange>& pool);

}  // namespace assay
