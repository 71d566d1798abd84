// Computes with parameters rounded to 8 bits of mantissa, in half the time. L5 decides in class
// exact.

#pragma once

#include "peer/trainer.h"

namespace assay {

class LowPrecisionPeer : public Trainer {
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
