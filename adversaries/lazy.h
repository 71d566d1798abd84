// Computes the first half of its steps and feeds the last gradient again for the rest. L5 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class LazyPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    StepGradient step_gradient(const RoundPlan& plan,
                               uint32_t step,
                               std::span<const float> theta,
                               const TokenBatch& batch,
                               std::span<float> gradient) override;

private:
    std::vector<float> last_;
    StepGradient last_losses_;
};

}  // namespace assay
