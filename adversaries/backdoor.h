// Alters one target of each batch, behind a text of its choice, and is honest otherwise. L5 decides
// in class exact, where one token is enough.

#pragma once

#include "peer/trainer.h"

namespace assay {

class BackdoorPeer : public Trainer {
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
