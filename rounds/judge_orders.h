// What the judge is ordered, read out of the ledger's fold. Pure: whoever has the records gives the
// same orders, in the round or long after it.

#pragma once

#include <vector>

#include "rounds/run_state.h"
#include "verify/judge_order.h"
#include "verify/settings.h"

namespace assay {

// Who committed, and whose payload is here, in order of id.
std::vector<PeerId> closed_peers(const RoundState& round);

// REQUIRES: the peer is one of those.
Submission submission_of(const RoundState& round, const PeerId& peer);

// Of the round that runs, with whoever may still be paid for it. REQUIRES: its beacon is revealed.
JudgeRound judge_order(const RunState& state, const VerifySettings& verify);

// Of a challenge that was answered late. REQUIRES: the round was closed with this peer in it.
JudgeDebt judge_order(const RoundState& round,
                      const PeerId& peer,
                      const OpeningNotice& answer,
                      const BlobRef& base_tiles);

}  // namespace assay
