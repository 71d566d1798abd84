#include "adversaries/idle.h"

#include <algorithm>

#include "core/check.h"

namespace assay {

StepGradient IdlePeer::step_gradient(const RoundPlan& plan,
                                     uint32_t step,
                                     std::span<const float>,
                                     const TokenBatch& batch,
                                     std::span<float> gradient) {
    ASSAY_CHECK(step < plan.inner_steps && batch.sequences > 0);
    std::fill(gradient.begin(), gradient.end(), 0.0F);
    return {1.0F, std::vector<float>(batch.sequences, 1.0F)};
}

}  // namespace assay
