// The plan, and what a peer sends up in a round.
#include "protocol/codec_parts.h"

namespace assay {

namespace {

void bits_from_wire(const google::protobuf::RepeatedField<uint32_t>& wire,
                    FieldCheck& check,
                    const char* field,
                    uint64_t count_max,
                    std::vector<uint32_t>& bits) {
    if (check.count(field, wire.size(), count_max)) {
        bits.assign(wire.begin(), wire.end());
        check.fp32_bits(field, bits);
    }
}

void roots_to_wire(const RoundPlan& message, v1::RoundPlan& wire) {
    wire.set_manifest_digest(wire_bytes(message.manifest_digest));
    wire.set_ledger_head(wire_bytes(message.ledger_head));
    wire.set_ledger_height(message.ledger_height);
    wire.set_previous_beacon(wire_bytes(message.previous_beacon));
    wire.set_base_root(wire_bytes(message.base_root));
    wire.set_accumulator_root(wire_bytes(message.accumulator_root));
    wire.set_roster_root(wire_bytes(message.roster_root));
    wire.set_pool_root(wire_bytes(message.pool_root));
}

void roots_from_wire(const v1::RoundPlan& wire, FieldCheck& check, RoundPlan& message) {
    message.manifest_digest = check.digest("manifest_digest", wire.manifest_digest());
    message.ledger_head = check.digest("ledger_head", wire.ledger_head());
    message.ledger_height =
        check.number("ledger_height", wire.ledger_height(), 0, limits::kRecordsMax);
    message.previous_beacon = check.digest("previous_beacon", wire.previous_beacon());
    message.base_root = check.digest("base_root", wire.base_root());
    message.accumulator_root = check.digest("accumulator_root", wire.accumulator_root());
    message.roster_root = check.digest("roster_root", wire.roster_root());
    message.pool_root = check.digest("pool_root", wire.pool_root());
}

void schedule_from_wire(const v1::RoundPlan& wire, FieldCheck& check, RoundPlan& message) {
    message.inner_steps =
        check.number32("inner_steps", wire.inner_steps(), 1, limits::kInnerStepsMax);
    message.grain_sequences =
        check.number32("grain_sequences", wire.grain_sequences(), 1, limits::kSequencesPerStepMax);
    message.sequence_tokens =
        check.number32("sequence_tokens", wire.sequence_tokens(), 1, limits::kSequenceTokensMax);
    bits_from_wire(wire.learning_rate_bits(),
                   check,
                   "learning_rate_bits",
                   limits::kInnerStepsMax,
                   message.learning_rate_bits);
    check.require(message.learning_rate_bits.size() == message.inner_steps,
                  "learning_rate_bits",
                  "has not one entry for each inner step");
    bits_from_wire(
        wire.bias1_bits(), check, "bias1_bits", limits::kBiasTableMax, message.bias1_bits);
    bits_from_wire(
        wire.bias2_bits(), check, "bias2_bits", limits::kBiasTableMax, message.bias2_bits);
}

void times_from_wire(const v1::RoundPlan& wire, FieldCheck& check, RoundPlan& message) {
    message.opened_at = check.instant("opened_at", wire.opened_at_ms());
    message.commit_deadline = check.instant("commit_deadline", wire.commit_deadline_ms());
    message.payload_deadline = check.instant("payload_deadline", wire.payload_deadline_ms());
    message.opening_time = check.duration("opening_time", wire.opening_time_ms());
    check.require(
        message.opened_at <= message.commit_deadline, "commit_deadline", "lies before opened_at");
    check.require(message.commit_deadline <= message.payload_deadline,
                  "payload_deadline",
                  "lies before commit_deadline");
}

}  // namespace

void to_wire(const SampleRange& message, v1::SampleRange& wire) {
    wire.set_begin(message.begin);
    wire.set_end(message.end);
}

void from_wire(const v1::SampleRange& wire, FieldCheck& check, SampleRange& message) {
    message.end = check.number("end", wire.end(), 0, limits::kSamplePositionMax);
    message.begin = check.number("begin", wire.begin(), 0, message.end);
}

void to_wire(const PlanPeer& message, v1::PlanPeer& wire) {
    wire.set_id(wire_bytes(message.id));
    wire.set_numeric_class(static_cast<uint32_t>(message.numeric_class));
    wire.set_sequences_per_step(message.sequences_per_step);
    wire.set_tenure_rounds(message.tenure_rounds);
    wire.set_optimiser_steps(message.optimiser_steps);
    wire.set_m_root(wire_bytes(message.m_root));
    wire.set_v_root(wire_bytes(message.v_root));
    wire.set_e_root(wire_bytes(message.e_root));
    wire.set_audit_ppm(message.audit_ppm);
}

void from_wire(const v1::PlanPeer& wire, FieldCheck& check, PlanPeer& message) {
    message.id = check.peer("id", wire.id());
    message.numeric_class = check.choice(
        "numeric_class", wire.numeric_class(), NumericClass::kExact, NumericClass::kBf16);
    message.sequences_per_step = check.number32(
        "sequences_per_step", wire.sequences_per_step(), 1, limits::kSequencesPerStepMax);
    message.tenure_rounds =
        check.number32("tenure_rounds", wire.tenure_rounds(), 0, limits::kRoundsMax);
    message.optimiser_steps =
        check.number("optimiser_steps", wire.optimiser_steps(), 0, limits::kOptimiserStepsMax);
    message.m_root = check.digest("m_root", wire.m_root());
    message.v_root = check.digest("v_root", wire.v_root());
    message.e_root = check.digest("e_root", wire.e_root());
    message.audit_ppm = check.number32("audit_ppm", wire.audit_ppm(), 0, 1000000);
}

void to_wire(const RoundPlan& message, v1::RoundPlan& wire) {
    wire.set_round(message.round.value);
    roots_to_wire(message, wire);
    wire.set_stream_position(message.stream_position);
    list_to_wire(message.pool, *wire.mutable_pool());
    list_to_wire(message.peers, *wire.mutable_peers());
    wire.set_inner_steps(message.inner_steps);
    wire.set_grain_sequences(message.grain_sequences);
    wire.set_sequence_tokens(message.sequence_tokens);
    wire.mutable_learning_rate_bits()->Add(message.learning_rate_bits.begin(),
                                           message.learning_rate_bits.end());
    wire.mutable_bias1_bits()->Add(message.bias1_bits.begin(), message.bias1_bits.end());
    wire.mutable_bias2_bits()->Add(message.bias2_bits.begin(), message.bias2_bits.end());
    to_wire(message.theta, *wire.mutable_theta());
    wire.set_opened_at_ms(message.opened_at.ms);
    wire.set_commit_deadline_ms(message.commit_deadline.ms);
    wire.set_payload_deadline_ms(message.payload_deadline.ms);
    wire.set_opening_time_ms(message.opening_time.ms);
}

void from_wire(const v1::RoundPlan& wire, FieldCheck& check, RoundPlan& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    roots_from_wire(wire, check, message);
    message.stream_position =
        check.number("stream_position", wire.stream_position(), 0, limits::kSamplePositionMax);
    list_from_wire(wire.pool(), check, "pool", limits::kPoolRangesMax, message.pool);
    list_from_wire(wire.peers(), check, "peers", limits::kPeersMax, message.peers);
    check.require(in_order_of_peer(message.peers, &PlanPeer::id),
                  "peers",
                  "is not in increasing order of id");
    schedule_from_wire(wire, check, message);
    part_from_wire(wire.theta(), check, "theta", message.theta);
    times_from_wire(wire, check, message);
}

void to_wire(const Commit& message, v1::Commit& wire) {
    wire.set_manifest_digest(wire_bytes(message.manifest_digest));
    wire.set_round(message.round.value);
    wire.set_plan_digest(wire_bytes(message.plan_digest));
    wire.set_ledger_head(wire_bytes(message.ledger_head));
    wire.set_base_root(wire_bytes(message.base_root));
    wire.set_assignment_digest(wire_bytes(message.assignment_digest));
    wire.set_numeric_class(static_cast<uint32_t>(message.numeric_class));
    wire.set_states_root(wire_bytes(message.states_root));
    wire.set_trace_root(wire_bytes(message.trace_root));
    wire.set_e_before_root(wire_bytes(message.e_before_root));
    wire.set_e_after_root(wire_bytes(message.e_after_root));
    wire.set_payload_hash(wire_bytes(message.payload_hash));
    wire.set_payload_bytes(message.payload_bytes);
    wire.set_tokens(message.tokens);
    wire.set_tokens_per_second(message.tokens_per_second);
}

void from_wire(const v1::Commit& wire, FieldCheck& check, Commit& message) {
    message.manifest_digest = check.digest("manifest_digest", wire.manifest_digest());
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.plan_digest = check.digest("plan_digest", wire.plan_digest());
    message.ledger_head = check.digest("ledger_head", wire.ledger_head());
    message.base_root = check.digest("base_root", wire.base_root());
    message.assignment_digest = check.digest("assignment_digest", wire.assignment_digest());
    message.numeric_class = check.choice(
        "numeric_class", wire.numeric_class(), NumericClass::kExact, NumericClass::kBf16);
    message.states_root = check.digest("states_root", wire.states_root());
    message.trace_root = check.digest("trace_root", wire.trace_root());
    message.e_before_root = check.digest("e_before_root", wire.e_before_root());
    message.e_after_root = check.digest("e_after_root", wire.e_after_root());
    message.payload_hash = check.digest("payload_hash", wire.payload_hash());
    message.payload_bytes =
        check.number("payload_bytes", wire.payload_bytes(), 0, limits::kBlobBytesMax);
    message.tokens = check.number("tokens", wire.tokens(), 0, limits::kTokensMax);
    message.tokens_per_second = wire.tokens_per_second();
}

void to_wire(const PayloadNotice& message, v1::PayloadNotice& wire) {
    wire.set_round(message.round.value);
    to_wire(message.payload, *wire.mutable_payload());
}

void from_wire(const v1::PayloadNotice& wire, FieldCheck& check, PayloadNotice& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    part_from_wire(wire.payload(), check, "payload", message.payload);
}

void to_wire(const StepStates& message, v1::StepStates& wire) {
    wire.set_step(message.step);
    to_wire(message.theta, *wire.mutable_theta());
    to_wire(message.g, *wire.mutable_g());
    to_wire(message.v, *wire.mutable_v());
}

void from_wire(const v1::StepStates& wire, FieldCheck& check, StepStates& message) {
    message.step = check.number32("step", wire.step(), 0, limits::kInnerStepsMax - 1);
    part_from_wire(wire.theta(), check, "theta", message.theta);
    part_from_wire(wire.g(), check, "g", message.g);
    part_from_wire(wire.v(), check, "v", message.v);
}

void to_wire(const OpeningNotice& message, v1::OpeningNotice& wire) {
    wire.set_round(message.round.value);
    to_wire(message.opening, *wire.mutable_opening());
    list_to_wire(message.steps, *wire.mutable_steps());
}

void from_wire(const v1::OpeningNotice& wire, FieldCheck& check, OpeningNotice& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    part_from_wire(wire.opening(), check, "opening", message.opening);
    list_from_wire(wire.steps(), check, "steps", limits::kStepsAuditedMax, message.steps);
}

void to_wire(const Progress& message, v1::Progress& wire) {
    wire.set_round(message.round.value);
    wire.set_step(message.step);
    wire.set_loss(message.loss);
    wire.set_tokens_per_second(message.tokens_per_second);
}

void from_wire(const v1::Progress& wire, FieldCheck& check, Progress& message) {
    message.round.value = check.number("round", wire.round(), 0, limits::kRoundsMax);
    message.step = check.number32("step", wire.step(), 0, limits::kInnerStepsMax);
    message.loss = check.finite("loss", wire.loss());
    message.tokens_per_second = wire.tokens_per_second();
}

}  // namespace assay
