#include "rounds/missed_steps.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/plan.h"
#include "rounds/round_plan.h"

namespace assay {

namespace {

Result<OuterStepAgain> step_again(const RunState& state, const RoundState& round) {
    ASSAY_CHECK(round.summary && !round.summary->voided);
    OuterStepAgain step;
    step.round = round.plan.round;
    step.entered = contributions_of(round);
    for (const TakenShare& share : round.taken_back) {
        if (state.find(share.round) == nullptr) {
            return fail(in_words(share.round) + ", whose share was taken out in " +
                        in_words(step.round) + ", is no longer remembered");
        }
        step.take_backs.push_back(take_back_of(state, share));
    }
    step.theta_root = round.summary->theta_root;
    step.accumulator_root = round.summary->accumulator_root;
    step.momentum_root = round.summary->momentum_root;
    return step;
}

}  // namespace

std::vector<ContributionRef> contributions_of(const RoundState& round) {
    std::vector<ContributionRef> entered;
    for (const auto& [peer, commit] : round.commits) {
        if (round.entered(peer)) {
            ASSAY_CHECK(commit.payload && find_peer(round.plan, peer) != nullptr);
            const double weight = plan_weight(round.plan, *find_peer(round.plan, peer));
            entered.push_back({peer, *commit.payload, weight});
        }
    }
    return entered;
}

TakeBack take_back_of(const RunState& state, const TakenShare& share) {
    const RoundState* before = state.find(share.round);
    ASSAY_CHECK(before != nullptr);
    return {share.round, share.peer, contributions_of(*before)};
}

Result<std::vector<OuterStepAgain>> steps_since(const RunState& state, const Digest& theta_root) {
    const RoundState* newest = state.current();
    ASSAY_CHECK(newest != nullptr);
    std::vector<OuterStepAgain> steps;
    // Backwards from the root that the ledger ends with; voided rounds lead nowhere.
    Digest reached = newest->summary ? newest->summary->theta_root : newest->plan.base_root;
    auto at = state.rounds().rbegin();
    while (reached != theta_root) {
        at = std::find_if(at, state.rounds().rend(), [&](const auto& entry) {
            const std::optional<RoundSummary>& summary = entry.second.summary;
            return summary && !summary->voided && summary->theta_root == reached;
        });
        if (at == state.rounds().rend()) {
            return fail("no round that is still remembered starts from the root " +
                        theta_root.brief());
        }
        Result<OuterStepAgain> step = step_again(state, at->second);
        if (!step) {
            return step.error();
        }
        steps.push_back(std::move(*step));
        reached = at->second.plan.base_root;
    }
    ASSAY_CHECK_EQ(reached, theta_root);
    std::reverse(steps.begin(), steps.end());
    return steps;
}

}  // namespace assay
