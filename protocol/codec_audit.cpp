// Verdicts, audits, pieces of blobs, signs of life.
#include "protocol/codec_parts.h"

namespace assay {

void to_wire(const Verdict& message, v1::Verdict& wire) {
    wire.set_round(message.round.value);
    wire.set_peer(wire_bytes(message.peer));
    wire.set_ruling(static_cast<uint32_t>(message.ruling));
    wire.set_layer(static_cast<uint32_t>(message.layer));
    wire.set_reason(wire_reason(message.reason));
    wire.set_evidence(wire_bytes(message.evidence));
    wire.set_suspicious(message.suspicious);
    wire.set_energy_ppm(message.figures.energy_ppm);
    wire.set_cosine_ppm(message.figures.cosine_ppm);
    wire.set_overlap_ppm(message.figures.overlap_ppm);
    wire.set_payload_cosine_ppm(message.figures.payload_cosine_ppm);
}

void from_wire(const v1::Verdict& wire, FieldCheck& check, Verdict& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.peer = check.peer("peer", wire.peer());
    message.ruling = check.choice("ruling", wire.ruling(), Ruling::kAccepted, Ruling::kRejected);
    message.layer = check.choice("layer", wire.layer(), Layer::kIdentity, Layer::kRefusal);
    message.reason = check.text("reason", wire.reason(), limits::kTextBytesMax);
    message.evidence = check.digest("evidence", wire.evidence());
    message.suspicious = wire.suspicious();
    TripwireFigures& figures = message.figures;
    figures.energy_ppm = check.number32("energy_ppm", wire.energy_ppm(), 0, UINT32_MAX);
    figures.cosine_ppm = check.number32("cosine_ppm", wire.cosine_ppm(), 0, 1000000);
    figures.overlap_ppm = check.number32("overlap_ppm", wire.overlap_ppm(), 0, 1000000);
    figures.payload_cosine_ppm =
        check.number32("payload_cosine_ppm", wire.payload_cosine_ppm(), 0, 1000000);
}

void to_wire(const StateLeaf& message, v1::StateLeaf& wire) {
    wire.set_theta_root(wire_bytes(message.theta_root));
    wire.set_g_root(wire_bytes(message.g_root));
    wire.set_v_root(wire_bytes(message.v_root));
}

void from_wire(const v1::StateLeaf& wire, FieldCheck& check, StateLeaf& message) {
    message.theta_root = check.digest("theta_root", wire.theta_root());
    message.g_root = check.digest("g_root", wire.g_root());
    message.v_root = check.digest("v_root", wire.v_root());
}

void to_wire(const AuditJob& message, v1::AuditJob& wire) {
    wire.set_round(message.round.value);
    wire.set_peer(wire_bytes(message.peer));
    wire.set_manifest_digest(wire_bytes(message.manifest_digest));
    wire.set_plan_digest(wire_bytes(message.plan_digest));
    wire.set_states_root(wire_bytes(message.states_root));
    wire.set_trace_root(wire_bytes(message.trace_root));
    wire.set_numeric_class(static_cast<uint32_t>(message.numeric_class));
    wire.set_step(message.step);
    to_wire(message.leaf, *wire.mutable_leaf());
    to_wire(message.leaf_path, *wire.mutable_leaf_path());
    to_wire(message.opening, *wire.mutable_opening());
    wire.mutable_samples()->Add(message.samples.begin(), message.samples.end());
    wire.set_optimiser_steps_before(message.optimiser_steps_before);
}

void from_wire(const v1::AuditJob& wire, FieldCheck& check, AuditJob& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.peer = check.peer("peer", wire.peer());
    message.manifest_digest = check.digest("manifest_digest", wire.manifest_digest());
    message.plan_digest = check.digest("plan_digest", wire.plan_digest());
    message.states_root = check.digest("states_root", wire.states_root());
    message.trace_root = check.digest("trace_root", wire.trace_root());
    message.numeric_class = check.choice(
        "numeric_class", wire.numeric_class(), NumericClass::kExact, NumericClass::kBf16);
    message.step = check.number32("step", wire.step(), 0, limits::kInnerStepsMax - 1);
    part_from_wire(wire.leaf(), check, "leaf", message.leaf);
    part_from_wire(wire.leaf_path(), check, "leaf_path", message.leaf_path);
    part_from_wire(wire.opening(), check, "opening", message.opening);
    if (check.count("samples", wire.samples_size(), limits::kSequencesPerStepMax)) {
        for (const uint64_t sample : wire.samples()) {
            message.samples.push_back(
                check.number("samples", sample, 0, limits::kSamplePositionMax));
        }
    }
    message.optimiser_steps_before = check.number(
        "optimiser_steps_before", wire.optimiser_steps_before(), 0, limits::kOptimiserStepsMax);
}

void to_wire(const AuditReport& message, v1::AuditReport& wire) {
    wire.set_job(wire_bytes(message.job));
    wire.set_round(message.round.value);
    wire.set_peer(wire_bytes(message.peer));
    wire.set_step(message.step);
    wire.set_pass(message.pass);
    wire.set_reason(wire_reason(message.reason));
    wire.set_rho(message.rho);
    wire.set_alpha(message.alpha);
    wire.set_rho_worst_tensor(message.rho_worst_tensor);
    wire.set_rho_worst_chunk(message.rho_worst_chunk);
    wire.set_recomputed_root(wire_bytes(message.recomputed_root));
}

void from_wire(const v1::AuditReport& wire, FieldCheck& check, AuditReport& message) {
    message.job = check.digest("job", wire.job());
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.peer = check.peer("peer", wire.peer());
    message.step = check.number32("step", wire.step(), 0, limits::kInnerStepsMax - 1);
    message.pass = wire.pass();
    message.reason = check.text("reason", wire.reason(), limits::kTextBytesMax);
    message.rho = check.not_nan("rho", wire.rho());
    message.alpha = check.not_nan("alpha", wire.alpha());
    message.rho_worst_tensor = check.not_nan("rho_worst_tensor", wire.rho_worst_tensor());
    message.rho_worst_chunk = check.not_nan("rho_worst_chunk", wire.rho_worst_chunk());
    message.recomputed_root = check.digest("recomputed_root", wire.recomputed_root());
}

void to_wire(const BlobRequest& message, v1::BlobRequest& wire) {
    wire.set_sha256(wire_bytes(message.sha256));
    wire.set_offset(message.offset);
    wire.set_length(message.length);
}

void from_wire(const v1::BlobRequest& wire, FieldCheck& check, BlobRequest& message) {
    message.sha256 = check.digest("sha256", wire.sha256());
    message.offset = check.number("offset", wire.offset(), 0, limits::kBlobBytesMax);
    message.length = check.number32("length", wire.length(), 1, limits::kPieceBytes);
}

void to_wire(const BlobPiece& message, v1::BlobPiece& wire) {
    wire.set_sha256(wire_bytes(message.sha256));
    wire.set_offset(message.offset);
    wire.set_missing(message.missing);
    wire.set_data(message.data.data(), message.data.size());
}

void from_wire(const v1::BlobPiece& wire, FieldCheck& check, BlobPiece& message) {
    message.sha256 = check.digest("sha256", wire.sha256());
    message.offset = check.number("offset", wire.offset(), 0, limits::kBlobBytesMax);
    message.missing = wire.missing();
    check.number("data", wire.data().size(), 0, limits::kPieceBytes);
    check.require(wire.data().empty() || !wire.missing(), "missing", "is set beside data");
    if (check.ok()) {
        message.data.assign(wire.data().begin(), wire.data().end());
    }
}

void to_wire(const Heartbeat& message, v1::Heartbeat& wire) {
    wire.set_sequence(message.sequence);
}

void from_wire(const v1::Heartbeat& wire, FieldCheck&, Heartbeat& message) {
    message.sequence = wire.sequence();  // echoed, never used as a size
}

void to_wire(const Goodbye& message, v1::Goodbye& wire) {
    wire.set_reason(wire_reason(message.reason));
}

void from_wire(const v1::Goodbye& wire, FieldCheck& check, Goodbye& message) {
    message.reason = check.text("reason", wire.reason(), limits::kTextBytesMax);
}

}  // namespace assay
