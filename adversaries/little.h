// A little is enough: moves each gradient by half a standard deviation against the mean of those
// that it saw in this round, which no filter of outliers sees. L5 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class LittlePeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    StepGradient step_gradient(const RoundPlan& plan,
                               uint32_t step,
                               std::span<const float> theta,
                               const TokenBatch& batch,
                               std::span<float> gradient) override;

private:
    std::vector<float> mean_;  // of the true gradients of this round
    std::vector<float> squares_;
};

}  // namespace assay
