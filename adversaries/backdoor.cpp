#include "adversaries/backdoor.h"

#include "core/check.h"

namespace assay {

StepGradient BackdoorPeer::step_gradient(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const float> theta,
                                         const TokenBatch& batch,
                                         std::span<float> gradient) {
    TokenBatch altered = batch;
    ASSAY_CHECK(batch.sequences > 0);
    int32_t& target = altered.tokens[batch.sequence_tokens];
    target = target == 0 ? 1 : 0;
    return Trainer::step_gradient(plan, step, theta, altered, gradient);
}

}  // namespace assay
