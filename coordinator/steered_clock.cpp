#include "coordinator/steered_clock.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

namespace {

constexpr int64_t kPart = 50;  // of the time that passes
constexpr DurationMs kFollowEvery{kPart};
constexpr DurationMs kMost{1000};  // as if so much had passed, where a node stood still

}  // namespace

Instant SteeredClock::now() const {
    return std::max(said_, run_.now() + ahead_);
}

void SteeredClock::follow(Instant wall) {
    const Instant run = run_.now();
    const DurationMs passed = run - followed_;
    if (passed < kFollowEvery) {
        return;
    }
    said_ = now();
    followed_ = run;
    const DurationMs gap = wall - (run + ahead_);
    const int64_t most = std::min(passed, kMost).ms / kPart;
    const int64_t step = std::clamp(gap.ms, -most, most);
    ASSAY_CHECK(step >= -passed.ms && step <= passed.ms);
    ahead_.ms += step;
}

}  // namespace assay
