// Time as an argument. Decisions take an Instant; only event loops ask a Clock.

#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace assay {

// Milliseconds. Durations and instants are plain numbers with the unit in the type's name.
struct DurationMs {
    int64_t ms = 0;
    auto operator<=>(const DurationMs&) const = default;
};

// Milliseconds since the Unix epoch.
struct Instant {
    int64_t ms = 0;
    auto operator<=>(const Instant&) const = default;
    Instant operator+(DurationMs d) const { return Instant{ms + d.ms}; }
    Instant operator-(DurationMs d) const { return Instant{ms - d.ms}; }
    DurationMs operator-(Instant other) const { return DurationMs{ms - other.ms}; }
};

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
};

// The wall clock: may be set forward or back at any moment. For what people read; no deadline.
class SystemClock : public Clock {
public:
    [[nodiscard]] Instant now() const override;
};

// For tests and simulation: stands still until told otherwise.
class FakeClock : public Clock {
public:
    // Stands at `start`, by default at the epoch.
    explicit FakeClock(Instant start = {}) : now_(start) {}
    [[nodiscard]] Instant now() const override { return now_; }
    // Neither has a lower bound: tests may turn time back.
    void advance(DurationMs by) { now_ = now_ + by; }
    void set(Instant to) { now_ = to; }

private:
    Instant now_;
};

// A node's time: begins at what the wall clock says, and then runs evenly, whatever becomes of
// that. Its instants may be stored: the next process says which was the newest, and begins no
// earlier. Stands still while the machine is suspended.
class RunClock : public Clock {
public:
    using Elapsed = std::function<DurationMs()>;  // since the first call, or any other instant

    explicit RunClock(Instant not_before = {});
    // With clocks of a test.
    RunClock(Instant wall, Instant not_before, Elapsed elapsed);
    [[nodiscard]] Instant now() const override;

private:
    Elapsed elapsed_;
    Instant start_;  // where elapsed_ was zero
};

}  // namespace assay
