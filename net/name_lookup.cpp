#include "net/name_lookup.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "core/check.h"

namespace assay {

NameLookup::NameLookup(Endpoint name, Resolve resolve)
    : name_(std::move(name)), resolve_(std::move(resolve)) {
    ASSAY_CHECK(name_.is_name() && resolve_);
}

// Nobody waits for this thread: what it touches is its own.
void NameLookup::ask() {
    ASSAY_CHECK(!asked_);
    std::packaged_task<Answer()> task([name = name_, resolve = resolve_] { return resolve(name); });
    asked_ = task.get_future();
    std::thread(std::move(task)).detach();
}

std::optional<Endpoint> NameLookup::next() {
    if (untried_.empty() && asked_ &&
        asked_->wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
        const Answer answer = asked_->get();
        asked_.reset();
        untried_ = answer ? *answer : std::vector<Endpoint>{};
        std::reverse(untried_.begin(), untried_.end());
    }
    if (untried_.empty()) {
        if (!asked_) {
            ask();
        }
        return std::nullopt;
    }
    const Endpoint one = untried_.back();
    untried_.pop_back();
    if (untried_.empty() && !asked_) {
        ask();  // so that the next time around does not begin with a wait
    }
    return one;
}

}  // namespace assay
