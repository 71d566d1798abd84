// Who takes part in a round, and how many sequences a step each trains on: B_i. Pure.
//
// The roster of round r + 1 is frozen and durable before the beacon of round r is revealed, so that
// no key made afterwards can choose its data.

#pragma once

#include <cstdint>
#include <vector>

#include "core/ids.h"
#include "ledger/bodies.h"
#include "protocol/messages.h"
#include "rounds/round_rules.h"

namespace assay {

struct Candidate {
    PeerId id;
    NumericClass numeric_class = NumericClass::kFp32;
    uint64_t tokens_per_second = 0;  // measured; 0 unknown
    uint32_t tenure_rounds = 0;
    uint32_t counted_sequences = 0;  // B_i of its last counted round; 0 for a newcomer
};

// In order of id. More candidates than rules.peers_max: those of longest tenure.
// B_i = base * speed / lower median speed, a multiple of the grain, within base / span and
// base * span, at most twice what last counted; a newcomer gets at most the base.
std::vector<RosterLine> choose_roster(std::vector<Candidate> candidates, const RoundRules& rules);

}  // namespace assay
