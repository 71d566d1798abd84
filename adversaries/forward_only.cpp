#include "adversaries/forward_only.h"

#include <algorithm>

#include "core/check.h"
#include "core/rng.h"

namespace assay {

StepGradient ForwardOnlyPeer::step_gradient(const RoundPlan& plan,
                                            uint32_t step,
                                            std::span<const float> theta,
                                            const TokenBatch& batch,
                                            std::span<float> gradient) {
    StepGradient losses;
    losses.sequence_losses = model_.losses(theta, batch);
    ASSAY_CHECK_EQ(losses.sequence_losses.size(), size_t{batch.sequences});
    double sum = 0;
    for (const float loss : losses.sequence_losses) {
        sum += static_cast<double>(loss);
    }
    losses.mean_loss = static_cast<float>(sum / batch.sequences);
    CounterRng rng(derive_seed(settings_.run_seed, "forward only", {plan.round.value, step}));
    std::transform(theta.begin(), theta.end(), gradient.begin(), [&rng](float value) {
        return value == 0 ? 0 : 0.01F * static_cast<float>(rng.normal());
    });
    return losses;
}

}  // namespace assay
