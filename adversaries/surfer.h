// Leans on the tolerance: adds 9 millionths of each gradient's size, in one direction, at every
// step. L5 decides in class exact; a tolerance class that allows as much sees nothing
// (docs/verification.md).

#pragma once

#include "peer/trainer.h"

namespace assay {

class SurferPeer : public Trainer {
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
