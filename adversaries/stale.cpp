#include "adversaries/stale.h"

namespace assay {

Result<std::vector<float>> StalePeer::base_parameters(const RoundPlan&) {
    if (before_.empty()) {
        return fail("there are no older parameters yet");
    }
    return before_;
}

void StalePeer::theta_moves(std::span<const float> before) {
    before_.assign(before.begin(), before.end());
}

}  // namespace assay
