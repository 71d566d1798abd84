// Where a round stands, as RoundMachine goes through it: round_machine.h.

#pragma once

#include <cstdint>

namespace assay {

enum class RoundPhase : uint8_t {
    kWaiting = 0,
    kGathering = 1,
    kUploading = 2,
    kChallenging = 3,
    kJudging = 4,
    kClosed = 5,
};
// In lower case, as the status file says it.
const char* phase_name(RoundPhase phase);
// Phases only move forward: whether `to` may come behind `from`. A restarted machine goes on from
// kWaiting into any phase; a closed round leads to the next one's kGathering.
bool may_follow(RoundPhase from, RoundPhase to);

}  // namespace assay
