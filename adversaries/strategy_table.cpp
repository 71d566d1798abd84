#include "adversaries/strategy_table.h"

#include <algorithm>

#include "adversaries/split.h"

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
    {"zero", "zero", "sends a payload without a value", kNone, kAlways, kOne},
    {"poison", "poison", "turns every entry of its payload one way", kNone, kAlways, kOne},
    {"index_poison", "index_poison", "sends its values in the first places", kNone, kAlways, kOne},
    {"inner_product",
     "inner_product",
     "sends a tenth of its payload, turned",
     kNone,
     kAlways,
     kOne},
    {"few_chunks", "few_chunks", "turns the loudest chunk of its payload", kNone, kAlways, kOne},
    {"nan", "nan", "sends bytes that are NaN and infinity", kNone, kAlways, kOne},
    {"nan_chain", "nan_chain", "commits to a chain of NaN and infinity", kNone, kAlways, kOne},
    {"replay", "replay", "sends its first payload again and again", kNone, kAlways, kOne},
    {"forgetful", "forgetful", "starts from moments and feedback of zeros", kNone, kAlways, kOne},
    {"tampered", "tampered", "trains with an optimiser of its own", kNone, kAlways, kOne},
    {"disguised", "disguised", "copies, with every third value moved", kNone, kAlways, kOne, true},
    {"idle", "idle", "computes nothing and makes its losses up", kSkipped, kDrawn, kOne},
    {"idle_fresh", "idle", "the same, each time under a new key", kSkipped, kDrawn, kFresh},
    {"forward_only", "forward_only", "computes losses, makes gradients up", kSkipped, kDrawn, kOne},
    {"half_batch", "half_batch", "trains on the first half of each batch", kAll, kDrawn, kOne},
    {"low_precision", "low_precision", "computes with 8 bits of mantissa", kAll, kDrawn, kOne},
    {"held_out", "held_out", "trains on the text that measures shares", kAll, kDrawn, kOne},
    {"label_flip", "label_flip", "trains on each sequence read backwards", kAll, kDrawn, kOne},
    {"backdoor", "backdoor", "alters one target of each batch", kAll, kDrawn, kOne},
    {"ascent", "ascent", "turns each gradient round", kAll, kDrawn, kOne},
    {"ascent_clique", "ascent", "the same, 30 % of the roster", kAll, kDrawn, kClique},
    {"spread_fake", "spread_fake", "feeds a constant as large as may be", kAll, kDrawn, kOne},
    {"little", "little", "moves gradients half a deviation off", kAll, kDrawn, kOne},
    {"farthest", "farthest", "goes as far off as honest ones lie apart", kAll, kDrawn, kOne},
    {"surfer", "surfer", "leans on the tolerance in one direction", kAll, kDrawn, kOne},
    {"dwarf", "dwarf", "takes steps of next to no length", kAll, kDrawn, kOne},
    {"dwarf_clique", "dwarf", "the same, 30 % of the roster", kAll, kDrawn, kClique},
    {"denormal", "denormal", "feeds gradients of denormal numbers", kAll, kDrawn, kOne},
    {"huge", "huge", "feeds gradients as large as may be", kAll, kDrawn, kOne},
    {"sybil", "sybil", "trains on what another was dealt", kAll, kDrawn, kOne, true},
    {"adaptive", "adaptive", "skips what pays most, answers by turns", kSkipped, kDrawn, kOne},
    {"adaptive_clique", "adaptive", "the same, 30 % of the roster", kSkipped, kDrawn, kClique},
    {"adaptive_fresh", "adaptive", "the same, each time under a new key", kSkipped, kDrawn, kFresh},
    {"long_con", "long_con", "honest till trusted, then one true step", kSkipped, kDrawn, kOne},
    {"dwarf_half", "veteran_dwarf", "once trusted, half of the norms", kAll, kDrawn, kHalf},
    {"idle_half", "veteran_idle", "once trusted, half of the shares", kSkipped, kDrawn, kHalf},
    {"ascent_most", "veteran_ascent", "once trusted, most of the gate", kAll, kDrawn, kMost},
    {"split", "split", "one machine, honest under four keys", kNone, kNever, kSplit},
    {"second_commit", "second_commit", "commits anew where drawn", kSkipped, kDrawn, kOne},
    {"old_commit", "old_commit", "says COMMITs of before and elsewhere", kNone, kNever, kOne},
    {"old_opening", "old_opening", "opens for the beacon before", kNone, kAlways, kOne},
    {"trickle", "trickle", "late and slow, as far as is waited for", kNone, kNever, kOne},
    {"trickle_clique", "trickle", "the same, 30 % of the roster", kNone, kNever, kClique},
    {"stall", "stall", "announces openings that it does not send", kNone, kNever, kOne},
    {"stall_clique", "stall", "the same, 30 % of the roster", kNone, kNever, kClique},
    {"squatter", "squatter", "takes a place and never commits", kNone, kNever, kOne},
    {"squatter_fresh", "squatter", "the same, each time under a new key", kNone, kNever, kFresh},
    {"withhold", "withhold", "commits and keeps its payload", kNone, kNever, kOne},
};

}  // namespace

std::span<const CheatStrategy> cheat_strategies() {
    return kStrategies;
}

uint32_t keys_of(const CheatStrategy& strategy, uint32_t honest) {
    const uint32_t clique = (honest * 3 + 3) / 7;  // 3 of 10, and of others the nearest
    switch (strategy.keys) {
        case Keys::kClique:
            return std::max<uint32_t>(clique, 2);
        case Keys::kHalf:
            return honest;
        case Keys::kMost:
            return honest + 1;
        case Keys::kSplit:
            return kSplitKeys;
        case Keys::kOne:
        case Keys::kFresh:
            break;
    }
    return 1;
}

const CheatStrategy* find_cheat_strategy(std::string_view name) {
    const auto row = std::find_if(std::begin(kStrategies),
                                  std::end(kStrategies),
                                  [name](const CheatStrategy& one) { return one.name == name; });
    return row == std::end(kStrategies) ? nullptr : &*row;
}

}  // namespace assay
