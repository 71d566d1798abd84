#include "simulation/cheat_tally.h"

#include <algorithm>

#include "adversaries/veteran.h"
#include "core/check.h"
#include "verify/survival.h"

namespace assay {

namespace {

uint32_t false_steps(const CheatStrategy& strategy, const SimWork& work) {
    switch (strategy.false_steps) {
        case FalseSteps::kNone:
            return 0;
        case FalseSteps::kAll:
            return work.steps;
        case FalseSteps::kSkipped:
            break;
    }
    const uint64_t a_step = work.assigned / work.steps;
    const uint64_t skipped = work.assigned - std::min(work.computed, work.assigned);
    return static_cast<uint32_t>((skipped + a_step - 1) / a_step);
}

double chance(const CheatStrategy& strategy, const SimWork& work, uint32_t audit_steps) {
    if (strategy.sight != Sight::kDrawn) {
        return strategy.sight == Sight::kAlways ? 1 : 0;
    }
    const double audited = static_cast<double>(work.audit_ppm) / 1e6;
    return audited * (1 - lazy_survival(work.steps, false_steps(strategy, work), audit_steps, 1));
}

// Of a round in which it did what its strategy says, and not yet honest work to be trusted.
bool cheats_in(const CheatStrategy& strategy, const SimWork& work, bool awake) {
    return awake && (strategy.false_steps == FalseSteps::kNone || false_steps(strategy, work) > 0);
}

}  // namespace

CheatTally tally_cheat(const CheatStrategy* strategy,
                       std::span<const SimWork> works,
                       const std::set<RoundId>& rejected,
                       bool ejected,
                       uint32_t audit_steps) {
    CheatTally tally;
    bool awake = strategy != nullptr && !strategy->attack.starts_with("veteran_");
    for (const SimWork& work : works) {
        ASSAY_CHECK(work.steps > 0 && work.assigned >= work.steps);
        ++tally.committed;
        const bool borrowed = strategy != nullptr && strategy->borrowed;
        const double done =
            borrowed ? 0 : static_cast<double>(work.computed) / static_cast<double>(work.assigned);
        tally.work += done;
        tally.fair += static_cast<double>(work.reward);
        tally.cost += static_cast<double>(work.reward) * done;
        awake = awake || (strategy != nullptr && work.audit_ppm <= kVeteranTrusted);
        const bool cheated = strategy != nullptr && cheats_in(*strategy, work, awake);
        // What it began before it heard that it is let in no more is not judged.
        const bool judged = !ejected || rejected.empty() || work.round <= *rejected.rbegin();
        if (cheated && judged) {
            ++tally.cheated;
            tally.found += rejected.contains(work.round) ? 1 : 0;
            tally.expected += chance(*strategy, work, audit_steps);
        }
    }
    ASSAY_CHECK_LE(tally.found, tally.cheated);
    return tally;
}

}  // namespace assay
