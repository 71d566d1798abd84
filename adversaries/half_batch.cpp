#include "adversaries/half_batch.h"

#include "core/check.h"

namespace assay {

StepGradient HalfBatchPeer::step_gradient(const RoundPlan& plan,
                                          uint32_t step,
                                          std::span<const float> theta,
                                          const TokenBatch& batch,
                                          std::span<float> gradient) {
    TokenBatch half{(batch.sequences + 1) / 2, batch.sequence_tokens, {}};
    const size_t width = size_t{batch.sequence_tokens} + 1;
    ASSAY_CHECK_EQ(batch.tokens.size(), batch.sequences * width);
    half.tokens.assign(batch.tokens.begin(),
                       batch.tokens.begin() + static_cast<std::ptrdiff_t>(half.sequences * width));
    StepGradient losses = Trainer::step_gradient(plan, step, theta, half, gradient);
    for (size_t i = 0; losses.sequence_losses.size() < batch.sequences; ++i) {
        losses.sequence_losses.push_back(losses.sequence_losses[i]);
    }
    return losses;
}

}  // namespace assay
