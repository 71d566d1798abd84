// Trains on the first half of each batch and says of the rest what it saw in that half. L5 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class HalfBatchPeer : public Trainer {
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
