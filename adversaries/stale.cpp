#include "adversaries/stale.h"

#include "core/check.h"

namespace assay {

Result<std::vector<float>> StalePeer::base_parameters(const RoundPlan&) {
    if (before_.empty()) {
        return fail("there are no older parameters yet");
    }
    ASSAY_CHECK_EQ(before_.size(), model_.layout().value_count());
    return before_;
}

void StalePeer::theta_moves(std::span<const float> before) {
    before_.assign(before.begin(), before.end());
}

}  // namespace assay
