#include "core/clock.h"

#include <algorithm>
#include <chrono>

namespace assay {

Instant SystemClock::now() const {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return Instant{std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count()};
}

namespace {

DurationMs steady_time() {
    const auto since = std::chrono::steady_clock::now().time_since_epoch();
    return DurationMs{std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace

RunClock::RunClock(Instant not_before) : RunClock(SystemClock().now(), not_before, steady_time) {}

RunClock::RunClock(Instant wall, Instant not_before, Elapsed elapsed)
    : elapsed_(std::move(elapsed)), start_(std::max(wall, not_before) - elapsed_()) {}

Instant RunClock::now() const {
    return start_ + elapsed_();
}

}  // namespace assay
