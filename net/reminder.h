// When to tell of a trouble that lasts: at once, then once every interval until it is over.

#pragma once

#include <optional>

#include "core/check.h"
#include "core/clock.h"

namespace assay {

class Reminder {
public:
    // `every`: the least time between two tellings of one trouble.
    explicit Reminder(DurationMs every) : every_(every) { ASSAY_CHECK_LE(1, every.ms); }

    // The trouble is there. True if it is time to tell of it.
    [[nodiscard]] bool due(Instant now) {
        if (told_ && now - *told_ < every_) {
            return false;
        }
        told_ = now;
        return true;
    }
    // The trouble is over: the next one is told at once.
    void over() { told_.reset(); }

private:
    DurationMs every_;
    std::optional<Instant> told_;
};

}  // namespace assay
