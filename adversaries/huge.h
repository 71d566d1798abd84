// Feeds gradients whose squares just do not overflow: AdamW and clipping make steps of bounded size
// of them. L5 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class HugePeer : public Trainer {
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
