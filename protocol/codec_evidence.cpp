// What a peer can prove by, and judge a round again from: receipts, and the index of evidence.
#include "protocol/codec_parts.h"

namespace assay {

void to_wire(const Receipt& message, v1::Receipt& wire) {
    wire.set_manifest_digest(wire_bytes(message.manifest_digest));
    wire.set_round(message.round.value);
    wire.set_peer(wire_bytes(message.peer));
    wire.set_kind(static_cast<uint32_t>(message.kind));
    wire.set_hash(wire_bytes(message.hash));
    wire.set_height(message.height);
    wire.set_record_hash(wire_bytes(message.record_hash));
}

void from_wire(const v1::Receipt& wire, FieldCheck& check, Receipt& message) {
    message.manifest_digest = check.digest("manifest_digest", wire.manifest_digest());
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.peer = check.peer("peer", wire.peer());
    message.kind = check.choice("kind", wire.kind(), ReceiptKind::kCommit, ReceiptKind::kOpening);
    message.hash = check.digest("hash", wire.hash());
    message.height = check.number("height", wire.height(), 0, limits::kLedgerHeightMax);
    message.record_hash = check.digest("record_hash", wire.record_hash());
}

void to_wire(const EvidenceRequest& message, v1::EvidenceRequest& wire) {
    wire.set_round(message.round.value);
}

void from_wire(const v1::EvidenceRequest& wire, FieldCheck& check, EvidenceRequest& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
}

void to_wire(const EvidenceEntry& message, v1::EvidenceEntry& wire) {
    wire.set_peer(wire_bytes(message.peer));
    wire.set_kind(static_cast<uint32_t>(message.kind));
    wire.set_step(message.step);
    to_wire(message.blob, *wire.mutable_blob());
}

void from_wire(const v1::EvidenceEntry& wire, FieldCheck& check, EvidenceEntry& message) {
    message.peer = check.peer("peer", wire.peer());
    message.kind =
        check.choice("kind", wire.kind(), EvidenceKind::kPayload, EvidenceKind::kBaseTiles);
    message.step = check.number32("step", wire.step(), 0, limits::kInnerStepsMax - 1);
    part_from_wire(wire.blob(), check, "blob", message.blob);
}

void to_wire(const EvidenceIndex& message, v1::EvidenceIndex& wire) {
    wire.set_manifest_digest(wire_bytes(message.manifest_digest));
    wire.set_round(message.round.value);
    wire.set_height(message.height);
    wire.set_ledger_head(wire_bytes(message.ledger_head));
    list_to_wire(message.entries, *wire.mutable_entries());
    wire.set_left_out(message.left_out);
}

void from_wire(const v1::EvidenceIndex& wire, FieldCheck& check, EvidenceIndex& message) {
    message.manifest_digest = check.digest("manifest_digest", wire.manifest_digest());
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.height = check.number("height", wire.height(), 0, limits::kLedgerHeightMax);
    message.ledger_head = check.digest("ledger_head", wire.ledger_head());
    list_from_wire(wire.entries(), check, "entries", limits::kEvidenceMax, message.entries);
    message.left_out = wire.left_out();
}

}  // namespace assay
