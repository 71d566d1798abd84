// How long to wait before the next try: twice as long after each, with jitter, so that many do not
// come back in step. Pure: chance from a seed.

#pragma once

#include <algorithm>

#include "core/check.h"
#include "core/clock.h"
#include "core/rng.h"

namespace assay {

class Backoff {
public:
    // Waits lie between half of `first` and `most`. REQUIRES: 1 ms or more, and no more than most.
    Backoff(DurationMs first, DurationMs most, const Digest& seed)
        : first_(first), most_(most), next_(first), jitter_(seed) {
        ASSAY_CHECK(first.ms > 0 && first <= most);
    }

    [[nodiscard]] DurationMs next() {
        const int64_t wait = next_.ms;
        next_ = std::min(DurationMs{2 * wait}, most_);
        ASSAY_CHECK_LE(wait, most_.ms);
        return {wait / 2 +
                static_cast<int64_t>(jitter_.below(static_cast<uint64_t>(wait / 2 + 1)))};
    }
    // A try succeeded: the next failure waits as the first did.
    void over() { next_ = first_; }

private:
    DurationMs first_;
    DurationMs most_;
    DurationMs next_;
    CounterRng jitter_;
};

}  // namespace assay
