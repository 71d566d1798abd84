#include "rounds/action_queue.h"

#include "core/check.h"

namespace assay {

void ActionQueue::push(std::vector<Action> actions) {
    for (Action& action : actions) {
        if (const auto* persist = std::get_if<Persist>(&action)) {
            pushed_ += persist->drafts.size();
        }
        waiting_.push_back({std::move(action), pushed_});
    }
}

std::vector<RecordDraft> ActionQueue::take_records() {
    ASSAY_CHECK_EQ(taken_, durable_);  // one batch at a time: they follow one another in the chain
    std::vector<RecordDraft> drafts;
    for (const Released& one : waiting_) {
        const auto* persist = std::get_if<Persist>(&one.action);
        if (persist != nullptr && one.height > taken_) {
            drafts.insert(drafts.end(), persist->drafts.begin(), persist->drafts.end());
        }
    }
    taken_ += drafts.size();
    ASSAY_CHECK_EQ(taken_, pushed_);
    return drafts;
}

void ActionQueue::durable(uint64_t height) {
    ASSAY_CHECK_EQ(height, taken_);
    durable_ = height;
}

std::optional<ActionQueue::Released> ActionQueue::next() {
    if (waiting_.empty() || waiting_.front().height > durable_) {
        return std::nullopt;
    }
    Released first = std::move(waiting_.front());
    waiting_.pop_front();
    return first;
}

}  // namespace assay
