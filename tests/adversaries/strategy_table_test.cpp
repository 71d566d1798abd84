// The table of strategies names Trainers that exist, and says of each what can be computed.

#include "adversaries/strategy_table.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "adversaries/adversary.h"

namespace assay {

namespace {

std::set<std::string> all_attacks() {
    std::set<std::string> names(adversary_names().begin(), adversary_names().end());
    names.insert(strategy_names().begin(), strategy_names().end());
    return names;
}

}  // namespace

TEST_CASE("each strategy is played by a trainer that exists, under a name of its own") {
    std::set<std::string_view> names;
    for (const CheatStrategy& strategy : cheat_strategies()) {
        CAPTURE(strategy.name);
        CHECK(names.insert(strategy.name).second);
        const bool veteran = strategy.attack.starts_with("veteran_");
        const std::string trainer(strategy.attack.substr(veteran ? 8 : 0));
        CHECK(all_attacks().contains(trainer));
        CHECK(find_cheat_strategy(strategy.name) == &strategy);
        CHECK(!strategy.does.empty());
        CHECK(strategy.name.size() + strategy.does.size() <= 64);  // a line of 100 columns
    }
    CHECK(find_cheat_strategy("honest") == nullptr);
}

TEST_CASE("each attack is a strategy of its own name, played by one key") {
    for (const std::string& attack : all_attacks()) {
        CAPTURE(attack);
        const CheatStrategy* row = find_cheat_strategy(attack);
        REQUIRE(row != nullptr);
        CHECK(row->attack == attack);
        CHECK(row->keys == (attack == "split" ? Keys::kSplit : Keys::kOne));
    }
}

TEST_CASE("a clique is 30 % of the roster, two at least; others are half of it, or more") {
    const CheatStrategy* clique = find_cheat_strategy("parasite_clique");
    REQUIRE(clique != nullptr);
    CHECK(keys_of(*clique, 7) == 3);
    CHECK(keys_of(*clique, 14) == 6);
    CHECK(keys_of(*clique, 3) == 2);
    CHECK(keys_of(*find_cheat_strategy("lazy_fresh"), 7) == 1);
    CHECK(keys_of(*find_cheat_strategy("dwarf_half"), 7) == 7);
    CHECK(keys_of(*find_cheat_strategy("ascent_most"), 7) == 8);
    CHECK(keys_of(*find_cheat_strategy("split"), 7) == 4);
}

TEST_CASE("only false steps can be drawn, and a layer that always looks needs none") {
    for (const CheatStrategy& strategy : cheat_strategies()) {
        CAPTURE(strategy.name);
        CHECK((strategy.sight == Sight::kDrawn) == (strategy.false_steps != FalseSteps::kNone));
    }
}

}  // namespace assay
