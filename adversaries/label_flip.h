// Trains on each sequence read backwards: inputs that are plausible, targets that are not. L5
// decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class LabelFlipPeer : public Trainer {
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
