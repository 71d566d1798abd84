#include "adversaries/stale.h"

namespace assay {

Result<std::vector<float>> StalePeer::base_parameters(const RoundPlan& plan) {
    if (before_.empty()) {
        return PeerWorker::base_parameters(plan);
    }
    return before_;
}

void StalePeer::theta_moves(std::span<const float> before) {
    before_.assign(before.begin(), before.end());
}

}  // namespace assay
