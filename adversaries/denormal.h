// Feeds gradients so small that they are denormal numbers, and so are moments and steps. L5 decides
// (L6t names the steps).

#pragma once

#include "peer/trainer.h"

namespace assay {

class DenormalPeer : public Trainer {
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
