// Where in a list of actions something is first written or said: what is durable before what.

#pragma once

#include <algorithm>
#include <vector>

#include "tests/rounds/machine_driver.h"

namespace assay {

template <typename T>
size_t position(const std::vector<Action>& actions) {
    for (size_t i = 0; i < actions.size(); ++i) {
        if (std::holds_alternative<T>(actions[i])) {
            return i;
        }
    }
    return actions.size();
}

inline bool writes(const Action& action, RecordKind kind) {
    const auto* persist = std::get_if<Persist>(&action);
    return persist != nullptr &&
           std::any_of(persist->drafts.begin(),
                       persist->drafts.end(),
                       [&](const RecordDraft& draft) { return draft.kind == kind; });
}

inline size_t written(const std::vector<Action>& actions, RecordKind kind) {
    for (size_t i = 0; i < actions.size(); ++i) {
        if (writes(actions[i], kind)) {
            return i;
        }
    }
    return actions.size();
}

template <typename T>
size_t spoken(const std::vector<Action>& actions) {
    for (size_t i = 0; i < actions.size(); ++i) {
        if (!sent<T>({actions[i]}).empty()) {
            return i;
        }
    }
    return actions.size();
}

}  // namespace assay
