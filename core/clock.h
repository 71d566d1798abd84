// Time as an argument. Decisions take an Instant; only event loops ask a Clock.

#pragma once

#include <compare>
#include <cstdint>

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
    // May jump with the system's clock: what waits for a time asks again.
    [[nodiscard]] virtual Instant now() const = 0;
};

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

}  // namespace assay
