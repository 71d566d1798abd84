// A node's time that is stored and shown to people: a RunClock that closes up with the wall clock,
// which may have been wrong at the start, or be set while the node runs.
//
// It runs by a fiftieth faster or slower meanwhile, and never jumps: no deadline notices, and an
// hour is made up for in two days. One thread owns it.

#pragma once

#include <utility>

#include "core/clock.h"

namespace assay {

class SteeredClock : public Clock {
public:
    explicit SteeredClock(Instant not_before = {}) : SteeredClock(RunClock(not_before)) {}
    // Over this one, which a test holds the ends of.
    explicit SteeredClock(RunClock run) : run_(std::move(run)), followed_(run_.now()) {}

    [[nodiscard]] Instant now() const override;
    // To be called regularly with what the wall clock says: moves by a fiftieth of the time since
    // the last call at most, forward or back, and now() never goes back.
    void follow(Instant wall);

private:
    RunClock run_;
    DurationMs ahead_;  // of run_
    Instant followed_;  // run_, when that was looked at last
    Instant said_;      // no instant before it is told any more
};

}  // namespace assay
