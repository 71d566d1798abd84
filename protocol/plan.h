// What follows from a plan or a summary alone, said once for all who read them. Pure.

#pragma once

#include <cstdint>
#include <string>

#include "protocol/messages.h"

namespace assay {

// The peer's line; null if it is not in the roster.
const PlanPeer* find_peer(const RoundPlan& plan, const PeerId& id);

// H * B_i * T: the tokens that the plan gives to the peer.
uint64_t assigned_tokens(const RoundPlan& plan, const PlanPeer& peer);

// w_i = min(1, (tenure + 1) / 10) times tokens / largest tokens of the roster; in (0, 1].
double plan_weight(const RoundPlan& plan, const PlanPeer& peer);

// What the summary says of this peer's COMMIT; null if it had none.
const SummaryEntry* find_entry(const RoundSummary& summary, const PeerId& id);
// Whether the summary counts this peer's COMMIT.
bool is_counted(const RoundSummary& summary, const PeerId& id);

// "round 7".
std::string in_words(RoundId round);

}  // namespace assay
