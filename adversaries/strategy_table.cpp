#include "adversaries/strategy_table.h"

#include <algorithm>

namespace assay {

namespace {

using enum FalseSteps;
using enum Sight;
using enum Keys;

constexpr CheatStrategy kStrategies[] = {
    {"random", "random", "sends random entries after honest training", kNone, kAlways, kOne},
    {"sign_flip", "sign_flip", "turns every sign of its payload round", kNone, kAlways, kOne},
    {"scaled", "scaled", "sends its payload four times as large", kNone, kAlways, kOne},
    {"stale", "stale", "trains from the parameters of the round before", kNone, kAlways, kOne},
    {"framer", "framer", "commits another's chain to have it refused", kNone, kAlways, kOne, true},
    {"copycat", "copycat", "hands in a colluder's work as its own", kNone, kAlways, kOne, true},
    {"silent", "silent", "commits and never opens", kNone, kAlways, kOne},
    {"lazy", "lazy", "computes the first half of its steps", kSkipped, kDrawn, kOne},
    {"lazy_clique", "lazy", "the same, 30 % of the roster", kSkipped, kDrawn, kClique},
    {"lazy_fresh", "lazy", "the same, each time under a new key", kSkipped, kDrawn, kFresh},
    {"other_data", "other_data", "trains on data of its choice", kAll, kDrawn, kOne},
    {"parasite", "parasite", "one true step where p < 1, garbage if drawn", kSkipped, kDrawn, kOne},
    {"parasite_clique", "parasite", "the same, 30 % of the roster", kSkipped, kDrawn, kClique},
    {"parasite_fresh", "parasite", "the same, each time under a new key", kSkipped, kDrawn, kFresh},
};

}  // namespace

std::span<const CheatStrategy> cheat_strategies() {
    return kStrategies;
}

uint32_t keys_of(const CheatStrategy& strategy, uint32_t honest) {
    const uint32_t clique = (honest * 3 + 3) / 7;  // 3 of 10, and of others the nearest
    return strategy.keys == Keys::kClique ? std::max<uint32_t>(clique, 2) : 1;
}

const CheatStrategy* find_cheat_strategy(std::string_view name) {
    const auto row = std::find_if(std::begin(kStrategies),
                                  std::end(kStrategies),
                                  [name](const CheatStrategy& one) { return one.name == name; });
    return row == std::end(kStrategies) ? nullptr : &*row;
}

}  // namespace assay
