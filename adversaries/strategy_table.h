// The strategies that `assay bench redteam` measures, one a row, and that the soak draws from.
//
// To add one: its Trainer is a file of its own with a row in adversary.cpp (CONTRIBUTING: an
// attack), and a row in strategy_table.cpp says how it is played. The same Trainer under other
// circumstances (as a clique, under new keys) is one more row and no more code. Bench, soak and
// `assay simulate --adversary NAME` take the row from then on, and tests/adversaries hold the table
// to what is said here. Work is counted, not claimed: the simulation sees which gradients a Trainer
// computes in train().

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace assay {

// What of its work in a round is false, from which the computed detection follows: b of H steps.
enum class FalseSteps : uint8_t {
    kNone,     // the lie is in none of its gradients: what is seen of it is seen for certain, or
               // never (Sight)
    kSkipped,  // those whose gradient it does not compute
    kAll,      // every one, whether it works or not
};

// What finds it.
enum class Sight : uint8_t {
    kAlways,  // checks that run in every round: form, chunk chain, a refusal, roots
    kDrawn,   // an audit that draws a false step: with p (1 - C(H - b, q) / C(H, q))
    kNever,   // nothing does: what it gets out of it is a matter of price alone
};

// With whom, and under which keys.
enum class Keys : uint8_t {
    kOne,     // alone
    kClique,  // 30 % of the roster, all with this strategy
    kFresh,   // alone, and back under a new key whenever it is not let in again
    kHalf,    // as many as there are honest peers: half of the roster
    kMost,    // one more than that
    kSplit,   // those of one machine (adversaries/split.h)
};

struct CheatStrategy {
    std::string_view name;  // of the row
    // The Trainer that plays it: a name of adversaries/adversary.h, maybe as veteran_NAME.
    std::string_view attack;
    std::string_view does;  // in a clause, for the table's reader
    FalseSteps false_steps = FalseSteps::kNone;
    Sight sight = Sight::kAlways;
    Keys keys = Keys::kOne;
    bool borrowed = false;  // what it computes could be had from a colluder: it counts as no work
};

std::span<const CheatStrategy> cheat_strategies();

// How many keys play it beside so many honest peers.
uint32_t keys_of(const CheatStrategy& strategy, uint32_t honest);

// Null for a name that is none. Each Trainer of adversary.h has a row of its own name, in which it
// is alone, unless one machine is many keys by what it does.
const CheatStrategy* find_cheat_strategy(std::string_view name);

}  // namespace assay
