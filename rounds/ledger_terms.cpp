#include "rounds/ledger_terms.h"

#include "core/check.h"
#include "data/assignment.h"
#include "rounds/round_plan.h"
#include "verify/challenge.h"
#include "verify/tripwire.h"

namespace assay {

namespace {

// Where the data are not known, positions and ranges follow all the same.
Deal deal_again(const Digest& run_seed, const RoundPlan& plan, uint64_t samples, bool data_known) {
    Assignment dealt = assign(run_seed, plan, samples);
    Deal deal;
    deal.stream_position_after = dealt.stream_position_after;
    deal.pool_after = std::move(dealt.pool_after);
    for (PeerAssignment& one : dealt.peers) {
        DealtWork& work = deal.peers[one.peer];
        if (data_known) {
            work.assignment = assignment_digest(one);
            work.samples = std::move(one.samples);
        }
        work.ranges = std::move(one.ranges);
    }
    ASSAY_CHECK_EQ(deal.peers.size(), plan.peers.size());
    return deal;
}

}  // namespace

RunTerms ledger_terms(const RoundRules& rules, const Digest& run_seed, bool data_known) {
    ASSAY_CHECK(!data_known || rules.sample_count > 0);
    RunTerms terms;
    terms.rounds = rules.rounds;
    terms.peers_min = rules.peers_min;
    terms.peers_max = rules.peers_max;
    terms.inner_steps = rules.inner_steps;
    terms.grain_sequences = rules.grain_sequences;
    terms.sequence_tokens = rules.sequence_tokens;
    terms.base_sequences = rules.base_sequences;
    terms.speed_span = rules.speed_span;
    terms.reset_moments = rules.reset_moments;
    terms.classes = rules.classes;
    terms.entry_work_bits = rules.entry_work_bits;
    terms.commit_floor = rules.deadlines.commit_floor;
    terms.commit_ceiling = rules.deadlines.commit_ceiling;
    terms.transfer_floor = rules.deadlines.transfer_floor;
    terms.transfer_ceiling = rules.deadlines.transfer_ceiling;
    terms.theta_bytes = theta_bytes(rules);
    terms.payload_bytes_max = rules.payload_bytes_max;
    terms.opening_bytes_max = rules.opening_bytes_max;
    terms.bias1_bits = rules.bias1_bits;
    terms.bias2_bits = rules.bias2_bits;
    terms.pay = rules.pay;
    terms.tripwire_floor = tripwire_floor(rules.verify);
    terms.learning_rates = rules.learning_rates;
    terms.drawn_steps = [settings = rules.verify, layout = rules.layout](const RoundPlan& plan,
                                                                         const PlanPeer& peer,
                                                                         const Digest& beacon,
                                                                         const Digest& commit) {
        // Steps and the draw of the audit do not depend on where the payload's energy is.
        const Challenge drawn =
            draw_challenge(beacon, commit, layout, {}, settings, plan.inner_steps, peer.audit_ppm);
        return drawn.audited ? drawn.steps : std::vector<uint32_t>{};
    };
    const uint64_t samples = data_known ? rules.sample_count : 1;
    terms.deal = [run_seed, samples, data_known](const RoundPlan& plan) {
        return deal_again(run_seed, plan, samples, data_known);
    };
    terms.next_pool = pool_with_returns;
    terms.data_known = data_known;
    return terms;
}

}  // namespace assay
