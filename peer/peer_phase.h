// Where a peer stands in its rounds (peer/peer_machine.h has the way from one to the next).

#pragma once

#include <cstdint>

namespace assay {

enum class PeerPhase : uint8_t {
    kDialing,
    kGreeting,
    kIdle,
    kSyncing,
    kTraining,
    kSubmitted,
    kOpened,
    kApplying,
    kDone,
};
// In lower case, for logs and the status file.
const char* phase_name(PeerPhase phase);

}  // namespace assay
