// When a connection has been silent for too long, and when to say something on it. Pure: time in.
//
// ZeroMQ's own heartbeats are not used: they run on while whoever reads stands still, and in
// libzmq (4.3.4 to this day) one that meets a connection which its other end has closed ends the
// process. These run in the event loop; time in which that stood still is nobody's silence. The
// other end may have another idea of silence: whoever misses its beats asks it for a word.

#pragma once

#include <algorithm>
#include <optional>

#include "core/check.h"
#include "core/clock.h"

namespace assay {

// What a Heartbeat's sequence says: that its sender is there, or also that it wants a word at once.
constexpr uint64_t kBeat = 0;
constexpr uint64_t kQuestion = 1;

// How long a connection may say nothing; the other times follow from it.
struct ConnectionTimes {
    DurationMs silence{20000};

    // So often each end says something.
    [[nodiscard]] DurationMs beat() const {
        return DurationMs{std::max<int64_t>(1, silence.ms / 10)};
    }
    // Whoever was heard so lately is there: several beats, so that one may be late.
    [[nodiscard]] DurationMs alive() const { return DurationMs{3 * beat().ms}; }
    // For the handshake and the first message.
    [[nodiscard]] DurationMs patience() const { return DurationMs{silence.ms * 3 / 4}; }
};

class Liveness {
public:
    // A connection that begins now.
    explicit Liveness(Instant now) : heard_(now), spoken_(now), asked_(now) {}

    // Something came, whole or not.
    void heard(Instant now) { heard_ = now; }
    // Something was sent.
    void spoken(Instant now) { spoken_ = now; }
    // A question was sent.
    void asked(Instant now) { asked_ = now; }
    // This node itself stood still for so long.
    void stood_still(DurationMs time) {
        ASSAY_CHECK_LE(0, time.ms);
        heard_ = heard_ + time;
        spoken_ = spoken_ + time;
        asked_ = asked_ + time;
    }

    // Time to say something.
    [[nodiscard]] bool owes_beat(Instant now, const ConnectionTimes& times) const {
        return now - spoken_ >= times.beat();
    }
    // Time to ask: an end with these times would have said something twice.
    [[nodiscard]] bool owes_question(Instant now, const ConnectionTimes& times) const {
        const DurationMs beats{2 * times.beat().ms};
        return now - heard_ >= beats && now - asked_ >= times.beat();
    }
    [[nodiscard]] bool is_alive(Instant now, const ConnectionTimes& times) const {
        return now - heard_ < times.alive();
    }
    [[nodiscard]] bool is_dead(Instant now, const ConnectionTimes& times) const {
        return now - heard_ >= times.silence;
    }

private:
    Instant heard_;
    Instant spoken_;
    Instant asked_;
};

// Whether the loop that asks this regularly has stood still meanwhile.
class StallMeter {
public:
    // Time beyond what a turn of the loop takes, since this was asked last; 0 nearly always.
    [[nodiscard]] DurationMs stood_still(Instant now, DurationMs allowed) {
        const DurationMs passed = asked_ ? now - *asked_ : DurationMs{};
        asked_ = now;
        return passed > allowed ? passed : DurationMs{};
    }

private:
    std::optional<Instant> asked_;
};

}  // namespace assay
