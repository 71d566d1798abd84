#include "adversaries/replay.h"

namespace assay {

void ReplayPeer::edit_payload(const RoundPlan&, PeerPayload& payload) {
    if (first_) {
        payload = *first_;
    }
    first_ = payload;
}

}  // namespace assay
