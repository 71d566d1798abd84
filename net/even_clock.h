// Time that runs on evenly, whatever becomes of the system's; its zero means nothing.

#pragma once

#include <chrono>

#include "core/clock.h"

namespace assay {

class EvenClock : public Clock {
public:
    [[nodiscard]] Instant now() const override {
        const auto since = std::chrono::steady_clock::now().time_since_epoch();
        return Instant{std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
    }
};

}  // namespace assay
