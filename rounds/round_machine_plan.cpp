// RoundMachine, roster and plan of the next round.

#include <algorithm>

#include "core/check.h"
#include "data/assignment.h"
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/plan.h"
#include "rounds/round_machine.h"

namespace assay {

// Who may be in the next roster: here, or at work in the round that runs.
std::vector<Candidate> RoundMachine::candidates() const {
    std::vector<Candidate> found;
    std::vector<Candidate> resting;
    const auto debt_rounds = static_cast<uint64_t>(rules_.pay.debt_rounds);
    const RoundState* round = state_.current();
    for (const auto& [id, member] : state_.members()) {
        const auto here = connected_.find(id);
        const bool at_work = round != nullptr && round->commits.count(id) > 0;
        if (member.ejected || (here == connected_.end() && !at_work)) {
            continue;
        }
        const PeerBook& book = state_.books().peers().at(id);
        const std::optional<RoundId> owing = book.owes_since();
        if (owing && state_.round().value >= owing->value + debt_rounds) {
            continue;  // it has gone on for long enough
        }
        const bool rests = state_.round().next() < member.away_until;
        (rests ? resting : found)
            .push_back({id,
                        member.numeric_class,
                        speed_of(id),
                        book.state.tenure_rounds,
                        book.sequences_most});
    }
    // In the order in which they came; those first who have kept no round waiting.
    const bool limited = rules_.newcomers_max > 0 && !found.empty();
    size_t places = limited ? std::max(rules_.newcomers_max, rules_.peers_min) : limits::kPeersMax;
    for (const PeerId& id : newcomers_.in_order()) {
        const auto here = connected_.find(id);
        if (here != connected_.end() && places > 0) {
            found.push_back({id, here->second.numeric_class, 0, 0, 0});
            --places;
        }
    }
    if (found.size() < rules_.peers_min) {  // or the run would wait for rounds to pass
        found.insert(found.end(), resting.begin(), resting.end());
    }
    return found;
}

// Whoever had a place in the roster and did nothing with it makes room for others, here or not.
void RoundMachine::part_from_newcomers(Instant now) {
    for (const PlanPeer& peer : state_.current()->plan.peers) {
        if (state_.member(peer.id) != nullptr || !newcomers_.missed(peer.id, now)) {
            continue;
        }
        newcomers_.left(peer.id);
        if (connected_.erase(peer.id) > 0) {
            const std::string why = "this peer had a place in several rounds and did not commit";
            refuse(peer.id, RefusalCode::kNotInRoster, why);
            out_.push_back(CloseConnection{peer.id, why});
        }
    }
}

// That of its last counted round; 0 before the first, whatever it claims. Whoever has not come so
// far in this round may have become slower since: then what it reports of its steps counts, or it
// would never come that far again.
uint64_t RoundMachine::speed_of(const PeerId& peer) const {
    const Member* member = state_.member(peer);
    const uint64_t speed = member == nullptr ? 0 : member->tokens_per_second;
    const RoundState* round = state_.current();
    const auto seen = progress_.find(peer);
    const bool committed = round != nullptr && round->commits.count(peer) > 0;
    if (speed > 0 && !committed && seen != progress_.end() && seen->second.tokens_per_second > 0) {
        return std::min<uint64_t>(speed, seen->second.tokens_per_second);
    }
    return speed;
}

RecordDraft RoundMachine::roster_draft(RoundId round) const {
    // Frozen before the beacon of the round before: nobody can choose a key that suits it.
    const RoundState* before = state_.current();
    ASSAY_CHECK(before == nullptr || (!before->beacon && round == before->plan.round.next()));
    ASSAY_CHECK_LT(round.value, rules_.rounds);
    return make_draft(
        RecordKind::kRoster, round, {}, RosterBody{choose_roster(candidates(), rules_)});
}

void RoundMachine::open_first_round(Instant now) {
    ASSAY_CHECK(state_.current() == nullptr && phase_ == RoundPhase::kWaiting);
    persist({roster_draft(RoundId{0})});
    const RoundPlan plan = next_plan(RoundId{0}, rules_.initial_theta, now);
    persist({{RecordKind::kPlan, plan.round, {}, encode_body(plan)}});
    announce_plan(now);
}

// The plan is durable: its round is open.
void RoundMachine::announce_plan(Instant now) {
    const RoundPlan& plan = state_.current()->plan;
    progress_.clear();
    // Whoever is told of a plan finds its round as it opens: nothing of it is recorded yet.
    ASSAY_CHECK(state_.current()->commits.empty() && !state_.current()->close);
    fetching_.clear();
    gathers_since_ = now;
    gathered_ = {};
    if (state_.draws_known()) {
        enter(RoundPhase::kGathering, now, std::nullopt);
        return;
    }
    if (is_short()) {
        note(in_words(plan.round) + " waits: " + std::to_string(plan.peers.size()) +
             " peers in its roster, " + std::to_string(rules_.peers_min) + " are needed");
        enter(RoundPhase::kGathering, now, std::nullopt);
        return;
    }
    for (const PlanPeer& peer : plan.peers) {
        if (connected_.count(peer.id) > 0) {
            out_.push_back(Send{peer.id, plan});
        }
    }
    enter(RoundPhase::kGathering, now, plan.commit_deadline);
}

// Pool and stream position behind the round that `summary` closes: what did not count goes back.
void RoundMachine::serve_pool(PlanInputs& inputs, const RoundSummary& summary) const {
    const RoundPlan& plan = state_.find(summary.round)->plan;
    const Assignment dealt = assign(manifest_.run_seed, plan, rules_.sample_count);
    ASSAY_CHECK_EQ(dealt.peers.size(), plan.peers.size());
    ASSAY_CHECK_LE(plan.stream_position, dealt.stream_position_after);
    std::vector<SampleRange> returned;
    const auto give_back = [&](const Assignment& from, const PeerId& peer) {
        for (const SampleRange& range : ranges_to_return(from, peer)) {
            returned.push_back(range);
        }
    };
    for (const PlanPeer& peer : plan.peers) {
        if (!is_counted(summary, peer.id)) {
            give_back(dealt, peer.id);
        }
    }
    for (const TakenShare& share : state_.returns()) {
        if (const RoundState* before = state_.find(share.round)) {
            give_back(assign(manifest_.run_seed, before->plan, rules_.sample_count), share.peer);
        }
    }
    inputs.pool = pool_with_returns(dealt.pool_after, std::move(returned));
    inputs.pool.resize(std::min<size_t>(inputs.pool.size(), limits::kPoolRangesMax));
    ASSAY_CHECK_LE(inputs.pool.size(), limits::kPoolRangesMax);
    inputs.stream_position = dealt.stream_position_after;
}

// REQUIRES: the roster of `round` is durable, and so is the summary of the round before.
// theta: of the round's base.
RoundPlan RoundMachine::next_plan(RoundId round, const BlobRef& theta, Instant now) const {
    PlanInputs inputs;
    inputs.round = round;
    inputs.manifest_digest = manifest_hash_;
    inputs.ledger_head = state_.head();
    inputs.ledger_height = state_.height();
    inputs.theta = theta;
    inputs.opened_at = now;
    inputs.doublings = state_.doublings();
    if (const RoundState* before = state_.current()) {
        ASSAY_CHECK(before->summary && before->beacon);
        ASSAY_CHECK_EQ(round, before->plan.round.next());
        inputs.previous_beacon = before->beacon->value;
        inputs.base_root = before->summary->theta_root;
        inputs.accumulator_root = before->summary->accumulator_root;
        serve_pool(inputs, *before->summary);
    } else {
        inputs.base_root = manifest_.initial_root;
        inputs.accumulator_root = zero_tiles_root(rules_.layout.tile_count());
    }
    const std::vector<RosterLine>* roster = state_.roster(round);
    ASSAY_CHECK(roster != nullptr);
    ASSAY_CHECK(std::is_sorted(roster->begin(), roster->end()));
    const auto tokens_of = [this](const RosterLine& entry) {
        return uint64_t{entry.sequences_per_step} * rules_.inner_steps * rules_.sequence_tokens;
    };
    uint64_t total = 0;
    for (const RosterLine& entry : *roster) {
        total += tokens_of(entry);
    }
    for (const RosterLine& entry : *roster) {
        PlanPeer peer = plan_peer(entry, round);
        const uint64_t tokens = tokens_of(entry);
        peer.audit_ppm = audit_rate(entry.peer, round, tokens, total);
        ASSAY_CHECK_LE(uint64_t{peer.audit_ppm}, uint64_t{kPpm});
        inputs.peers.push_back(peer);
        inputs.paces.push_back({tokens, speed_of(entry.peer), uplinks_.rate(entry.peer)});
    }
    return make_plan(rules_, std::move(inputs));
}

// What this peer's next COMMIT must start from.
PlanPeer RoundMachine::plan_peer(const RosterLine& entry, RoundId round) const {
    const StartState start = state_.books().start_of(entry.peer, round);
    // Who has taken no step starts from zeros.
    ASSAY_CHECK(start.optimiser_steps > 0 || start.m_root == state_.books().zero_root());
    PlanPeer peer;
    peer.id = entry.peer;
    peer.numeric_class = entry.numeric_class;
    peer.sequences_per_step = entry.sequences_per_step;
    peer.tenure_rounds = start.tenure_rounds;
    peer.optimiser_steps = start.optimiser_steps;
    peer.m_root = start.m_root;
    peer.v_root = start.v_root;
    peer.e_root = start.e_root;
    if (rules_.reset_moments) {
        peer.m_root = peer.v_root = state_.books().zero_root();
        peer.optimiser_steps = 0;
    }
    return peer;
}

// Certainty for whoever could not vest before the run ends; else what the books ask for.
uint32_t RoundMachine::audit_rate(const PeerId& peer,
                                  RoundId round,
                                  uint64_t tokens,
                                  uint64_t total) const {
    const bool last_rounds =
        round.value + static_cast<uint64_t>(rules_.pay.vest_rounds) >= rules_.rounds;
    if (last_rounds) {
        return static_cast<uint32_t>(kPpm);
    }
    return state_.books().audit_rate(peer, round, tokens, total);
}

}  // namespace assay
