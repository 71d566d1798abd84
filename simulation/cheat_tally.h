// What a simulated peer did of its work, and what became of the rounds in which it cheated.

#pragma once

#include <cstdint>
#include <set>
#include <span>

#include "adversaries/strategy_table.h"
#include "core/ids.h"

namespace assay {

// Of one round in which it committed.
struct SimWork {
    RoundId round;
    uint32_t audit_ppm = 0;  // of the plan
    uint32_t steps = 0;      // H
    uint64_t assigned = 0;   // sequences
    uint64_t computed = 0;   // of these, whose gradients it computed in train()
    int64_t reward = 0;      // what an honest equal's round is worth: its tokens' part of the pool
};

struct CheatTally {
    uint64_t committed = 0;
    uint64_t cheated = 0;  // of these, rounds with something false in them that were judged
    uint64_t found = 0;    // of these, rounds that a verdict rejected
    double expected = 0;   // how many of them should be, by the closed form
    double work = 0;       // in honest rounds
    double fair = 0;       // units: the rewards of an honest equal
    double cost = 0;       // units: what its own work costs where a round costs its reward
};

// `rejected`: rounds that a verdict rejected; `ejected`: it is let in no more. audit_steps: q. An
// honest peer has no strategy.
CheatTally tally_cheat(const CheatStrategy* strategy,
                       std::span<const SimWork> works,
                       const std::set<RoundId>& rejected,
                       bool ejected,
                       uint32_t audit_steps);

}  // namespace assay
