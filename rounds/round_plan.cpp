#include "rounds/round_plan.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/codec.h"
#include "protocol/limits.h"

namespace assay {

RoundPlan make_plan(const RoundRules& rules, PlanInputs inputs) {
    ASSAY_CHECK(std::is_sorted(inputs.peers.begin(),
                               inputs.peers.end(),
                               [](const PlanPeer& a, const PlanPeer& b) { return a.id < b.id; }));
    ASSAY_CHECK_LE(inputs.pool.size(), limits::kPoolRangesMax);  // or no peer takes the plan
    RoundPlan plan;
    plan.round = inputs.round;
    plan.manifest_digest = inputs.manifest_digest;
    plan.ledger_head = inputs.ledger_head;
    plan.ledger_height = inputs.ledger_height;
    plan.previous_beacon = inputs.previous_beacon;
    plan.base_root = inputs.base_root;
    plan.accumulator_root = inputs.accumulator_root;
    plan.roster_root = roster_root(inputs.peers);
    plan.pool_root = pool_root(inputs.pool);
    plan.stream_position = inputs.stream_position;
    plan.pool = std::move(inputs.pool);
    plan.peers = std::move(inputs.peers);
    plan.inner_steps = rules.inner_steps;
    plan.grain_sequences = rules.grain_sequences;
    plan.sequence_tokens = rules.sequence_tokens;
    plan.learning_rate_bits = rules.learning_rates(inputs.round);
    ASSAY_CHECK_EQ(plan.learning_rate_bits.size(), size_t{rules.inner_steps});
    plan.bias1_bits = rules.bias1_bits;
    plan.bias2_bits = rules.bias2_bits;
    plan.theta = std::move(inputs.theta);
    plan.opened_at = inputs.opened_at;

    ASSAY_CHECK_EQ(inputs.paces.size(), plan.peers.size());
    for (size_t i = 0; i < plan.peers.size(); ++i) {
        inputs.paces[i].tokens = assigned_tokens(plan, plan.peers[i]);
    }
    const RoundDeadlines deadlines = round_deadlines(rules.deadlines,
                                                     inputs.opened_at,
                                                     inputs.paces,
                                                     rules.payload_bytes_max,
                                                     opened_bytes_max(rules, plan),
                                                     inputs.doublings);
    plan.commit_deadline = deadlines.commit;
    plan.payload_deadline = deadlines.payload;
    plan.opening_time = deadlines.opening;
    return plan;
}

uint64_t opened_bytes_max(const RoundRules& rules, const RoundPlan& plan) {
    uint64_t states = 0;
    for (const PlanPeer& peer : plan.peers) {
        if (peer.audit_ppm > 0) {
            const bool exact = peer.numeric_class == NumericClass::kExact;
            states = std::max<uint64_t>(states, exact ? 1 : 3);
        }
    }
    ASSAY_CHECK(rules.verify.audit_steps >= 0);
    states *= static_cast<uint64_t>(rules.verify.audit_steps) * theta_bytes(rules);
    return rules.opening_bytes_max + states;
}

DurationMs longest_round(const RoundRules& rules, const RoundPlan& plan) {
    const DeadlineRules& deadlines = rules.deadlines;
    const DurationMs gather = plan.commit_deadline - plan.opened_at;
    const DurationMs grace = std::min(grace_after(deadlines, gather), deadlines.transfer_ceiling);
    const DurationMs payload =
        longest_transfer(deadlines,
                         rules.payload_bytes_max,
                         std::max(plan.payload_deadline - plan.commit_deadline, grace));
    const DurationMs opening = longest_transfer(
        deadlines, opened_bytes_max(rules, plan), std::max(plan.opening_time, grace));
    ASSAY_CHECK(gather.ms >= 0 && payload.ms >= 0 && opening.ms >= 0);
    return DurationMs{gather.ms + payload.ms + opening.ms};
}

DurationMs gathered_by(const RoundPlan& plan, Instant now) {
    ASSAY_CHECK(plan.opened_at <= plan.commit_deadline);
    return std::clamp(now, plan.opened_at, plan.commit_deadline) - plan.opened_at;
}

uint64_t theta_bytes(const RoundRules& rules) {
    return rules.layout.value_count() * sizeof(float);
}

}  // namespace assay
