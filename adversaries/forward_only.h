// Computes the losses of the assigned batches, which cost a third, and makes the gradients up. L5
// decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class ForwardOnlyPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    StepGradient step_gradient(const RoundPlan& plan,
                               uint32_t step,
                               std::span<const float> theta,
                               const TokenBatch& batch,
                               std::span<float> gradient) override;
};

}  // namespace assay
