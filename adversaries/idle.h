// Computes nothing: gradients of zeros, and losses that it makes up. L5 decides (L6t names the
// steps).

#pragma once

#include "peer/trainer.h"

namespace assay {

class IdlePeer : public Trainer {
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
