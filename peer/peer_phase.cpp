#include "peer/peer_phase.h"

namespace assay {

const char* phase_name(PeerPhase phase) {
    switch (phase) {
        case PeerPhase::kDialing:
            return "dialing";
        case PeerPhase::kGreeting:
            return "greeting";
        case PeerPhase::kIdle:
            return "idle";
        case PeerPhase::kSyncing:
            return "syncing";
        case PeerPhase::kTraining:
            return "training";
        case PeerPhase::kSubmitted:
            return "submitted";
        case PeerPhase::kOpened:
            return "opened";
        case PeerPhase::kApplying:
            return "applying";
        case PeerPhase::kDone:
            return "done";
    }
    return "unknown";
}

}  // namespace assay
