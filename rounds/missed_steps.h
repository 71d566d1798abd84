// The outer steps between a state and the ledger's end, to be taken again: what a coordinator does
// whose newest snapshot is damaged. Pure: records in, orders for RoundJudge::redo out.

#pragma once

#include <vector>

#include "rounds/round_events.h"
#include "rounds/run_state.h"

namespace assay {

// What was in a closed round's aggregate, in order of peer id.
std::vector<ContributionRef> contributions_of(const RoundState& round);

// A late rejected share, with all that its round's aggregate was made of.
// REQUIRES: share.round is remembered (RunState::find).
TakeBack take_back_of(const RunState& state, const TakenShare& share);

// From theta with this root to that of the newest summary; empty where they are the same. Fails,
// naming the root, where no remembered round starts from it. REQUIRES: a plan was made.
Result<std::vector<OuterStepAgain>> steps_since(const RunState& state, const Digest& theta_root);

}  // namespace assay
