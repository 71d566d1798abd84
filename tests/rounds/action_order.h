// Where in a list of actions something is first performed, written or said: what is durable before
// what. It must be there: what never happens is before nothing.

#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <typeinfo>
#include <vector>

#include "tests/rounds/machine_driver.h"

namespace assay {

template <typename Wanted>
size_t first_of(const std::vector<Action>& actions, const std::string& what, const Wanted& wanted) {
    const auto found = std::find_if(actions.begin(), actions.end(), wanted);
    INFO(what << " among " << actions.size() << " actions");
    REQUIRE(found != actions.end());
    return static_cast<size_t>(found - actions.begin());
}

template <typename T>
size_t position(const std::vector<Action>& actions) {
    return first_of(actions, typeid(T).name(), [](const Action& action) {
        return std::holds_alternative<T>(action);
    });
}

inline bool writes(const Action& action, RecordKind kind) {
    const auto* persist = std::get_if<Persist>(&action);
    return persist != nullptr &&
           std::any_of(persist->drafts.begin(),
                       persist->drafts.end(),
                       [&](const RecordDraft& draft) { return draft.kind == kind; });
}

inline size_t written(const std::vector<Action>& actions, RecordKind kind) {
    return first_of(actions,
                    "record kind " + std::to_string(static_cast<int>(kind)),
                    [&](const Action& action) { return writes(action, kind); });
}

template <typename T>
size_t spoken(const std::vector<Action>& actions) {
    return first_of(
        actions, typeid(T).name(), [](const Action& action) { return !sent<T>({action}).empty(); });
}

}  // namespace assay
