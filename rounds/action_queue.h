// What RoundMachine has ordered and nobody has performed yet: strictly in order, and nothing behind
// records that are not durable.
//
// Pure: whoever performs actions hands the records to whatever stores them, and says how many the
// ledger holds. All records that wait become one batch: those behind an action that waits as well
// are durable a little earlier than they have to be, as they would be if that action's message had
// been lost on its way.

#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "rounds/round_events.h"

namespace assay {

class ActionQueue {
public:
    // `height`: of the ledger that the machine started from, all of it durable.
    explicit ActionQueue(uint64_t height) : pushed_(height), taken_(height), durable_(height) {}

    // An action, and how many records the ledger must hold before it is performed: all those that
    // were handed out in front of it, and its own.
    struct Released {
        Action action;
        uint64_t height = 0;
    };

    void push(std::vector<Action> actions);
    // All records that nobody was given yet, in order, to be made durable as one batch. REQUIRES:
    // those given before are durable.
    std::vector<RecordDraft> take_records();
    // The ledger holds `height` records durably. REQUIRES: those are all that were taken.
    void durable(uint64_t height);
    // The next action, once it may be performed; a Persist, once its records are durable.
    std::optional<Released> next();

    [[nodiscard]] bool empty() const { return waiting_.empty(); }

private:
    std::deque<Released> waiting_;
    uint64_t pushed_;   // height behind all records that were pushed
    uint64_t taken_;    // behind those that were taken
    uint64_t durable_;  // behind those that are durable
};

}  // namespace assay
