#include "rounds/judge_orders.h"

#include "core/check.h"
#include "protocol/plan.h"
#include "rounds/missed_steps.h"
#include "verify/tripwire.h"

namespace assay {

std::vector<PeerId> closed_peers(const RoundState& round) {
    std::vector<PeerId> peers;
    for (const auto& [peer, commit] : round.commits) {
        if (commit.payload) {
            peers.push_back(peer);
        }
    }
    return peers;
}

Submission submission_of(const RoundState& round, const PeerId& peer) {
    const CommitState& commit = round.commits.at(peer);
    ASSAY_CHECK(find_peer(round.plan, peer) != nullptr && commit.payload);
    const PlanPeer& planned = *find_peer(round.plan, peer);
    return {planned,
            commit.commit,
            commit.hash,
            *commit.payload,
            commit.opening,
            plan_weight(round.plan, planned)};
}

JudgeRound judge_order(const RunState& state, const VerifySettings& verify) {
    ASSAY_CHECK(state.current() != nullptr && state.current()->beacon.has_value());
    const RoundState& round = *state.current();
    JudgeRound order;
    order.plan = round.plan;
    order.plan_digest = round.plan_digest;
    order.beacon = round.beacon->value;
    order.tripwire = state.books().tripwire().limits(tripwire_floor(verify));
    for (const PeerId& peer : closed_peers(round)) {
        const Member* member = state.member(peer);
        if (member != nullptr && !member->ejected) {
            order.submissions.push_back(submission_of(round, peer));
        }
    }
    for (const TakenShare& share : state.take_backs()) {
        if (state.find(share.round) != nullptr) {
            order.take_backs.push_back(take_back_of(state, share));
        }
    }
    return order;
}

JudgeDebt judge_order(const RoundState& round,
                      const PeerId& peer,
                      const OpeningNotice& answer,
                      const BlobRef& base_tiles) {
    ASSAY_CHECK(round.beacon.has_value());
    JudgeDebt order{
        round.plan, round.plan_digest, round.beacon->value, submission_of(round, peer), base_tiles};
    order.submission.opening = answer;
    return order;
}

}  // namespace assay
