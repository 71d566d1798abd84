// What the coordinator sends down at the end of a round: close, beacon, summary.
#include "protocol/codec_parts.h"

namespace assay {

void to_wire(const Close& message, v1::Close& wire) {
    wire.set_round(message.round.value);
    wire.set_manifest_digest(wire_bytes(message.manifest_digest));
    wire.set_plan_digest(wire_bytes(message.plan_digest));
    wire.set_entries_root(wire_bytes(message.entries_root));
    wire.set_entry_count(message.entry_count);
}

void from_wire(const v1::Close& wire, FieldCheck& check, Close& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.manifest_digest = check.digest("manifest_digest", wire.manifest_digest());
    message.plan_digest = check.digest("plan_digest", wire.plan_digest());
    message.entries_root = check.digest("entries_root", wire.entries_root());
    message.entry_count = check.number("entry_count", wire.entry_count(), 0, limits::kPeersMax);
}

void to_wire(const CloseNotice& message, v1::CloseNotice& wire) {
    to_wire(message.close, *wire.mutable_close());
    if (message.inclusion) {
        to_wire(*message.inclusion, *wire.mutable_inclusion());
    }
}

void from_wire(const v1::CloseNotice& wire, FieldCheck& check, CloseNotice& message) {
    part_from_wire(wire.close(), check, "close", message.close);
    if (wire.has_inclusion()) {
        part_from_wire(wire.inclusion(), check, "inclusion", message.inclusion.emplace());
        check.require(message.inclusion->count == message.close.entry_count,
                      "inclusion",
                      "counts other entries than close.entry_count");
    }
}

void to_wire(const Beacon& message, v1::Beacon& wire) {
    wire.set_round(message.round.value);
    wire.set_chain_element(wire_bytes(message.chain_element));
    wire.set_close_root(wire_bytes(message.close_root));
    wire.set_value(wire_bytes(message.value));
}

void from_wire(const v1::Beacon& wire, FieldCheck& check, Beacon& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.chain_element = check.digest("chain_element", wire.chain_element());
    message.close_root = check.digest("close_root", wire.close_root());
    message.value = check.digest("value", wire.value());
}

void to_wire(const SummaryEntry& message, v1::SummaryEntry& wire) {
    wire.set_peer(wire_bytes(message.peer));
    wire.set_outcome(static_cast<uint32_t>(message.outcome));
    wire.set_reason(wire_reason(message.reason));
}

void from_wire(const v1::SummaryEntry& wire, FieldCheck& check, SummaryEntry& message) {
    message.peer = check.peer("peer", wire.peer());
    message.outcome =
        check.choice("outcome", wire.outcome(), CommitOutcome::kCounted, CommitOutcome::kOwed);
    message.reason = check.text("reason", wire.reason(), limits::kTextBytesMax);
}

void to_wire(const RoundSummary& message, v1::RoundSummary& wire) {
    wire.set_round(message.round.value);
    wire.set_voided(message.voided);
    wire.set_reason(wire_reason(message.reason));
    wire.set_plan_digest(wire_bytes(message.plan_digest));
    wire.set_beacon_value(wire_bytes(message.beacon_value));
    to_wire(message.aggregate, *wire.mutable_aggregate());
    wire.set_theta_root(wire_bytes(message.theta_root));
    wire.set_accumulator_root(wire_bytes(message.accumulator_root));
    wire.set_momentum_root(wire_bytes(message.momentum_root));
    wire.set_ledger_head(wire_bytes(message.ledger_head));
    list_to_wire(message.entries, *wire.mutable_entries());
    wire.set_loss_before(message.loss_before);
    wire.set_loss_after(message.loss_after);
    wire.set_ledger_height(message.ledger_height);
}

void from_wire(const v1::RoundSummary& wire, FieldCheck& check, RoundSummary& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.voided = wire.voided();
    message.reason = check.text("reason", wire.reason(), limits::kTextBytesMax);
    message.plan_digest = check.digest("plan_digest", wire.plan_digest());
    message.beacon_value = check.digest("beacon_value", wire.beacon_value());
    part_from_wire(wire.aggregate(), check, "aggregate", message.aggregate);
    message.theta_root = check.digest("theta_root", wire.theta_root());
    message.accumulator_root = check.digest("accumulator_root", wire.accumulator_root());
    message.momentum_root = check.digest("momentum_root", wire.momentum_root());
    message.ledger_head = check.digest("ledger_head", wire.ledger_head());
    list_from_wire(wire.entries(), check, "entries", limits::kPeersMax, message.entries);
    check.require(in_order_of_peer(message.entries, &SummaryEntry::peer),
                  "entries",
                  "is not in increasing order of peer");
    message.loss_before = check.finite("loss_before", wire.loss_before());
    message.loss_after = check.finite("loss_after", wire.loss_after());
    message.ledger_height =
        check.number("ledger_height", wire.ledger_height(), 0, limits::kRecordsMax);
}

void to_wire(const DebtNotice& message, v1::DebtNotice& wire) {
    wire.set_round(message.round.value);
    wire.set_open(message.open);
    wire.set_until_ms(message.until.ms);
    wire.set_commit_hash(wire_bytes(message.commit_hash));
    wire.set_payload_hash(wire_bytes(message.payload_hash));
    wire.set_reason(wire_reason(message.reason));
}

void from_wire(const v1::DebtNotice& wire, FieldCheck& check, DebtNotice& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.open = wire.open();
    message.until = check.instant("until", wire.until_ms());
    message.commit_hash = check.digest("commit_hash", wire.commit_hash());
    message.payload_hash = check.digest("payload_hash", wire.payload_hash());
    message.reason = check.text("reason", wire.reason(), limits::kTextBytesMax);
}

}  // namespace assay
