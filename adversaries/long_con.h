// Works honestly until it is trusted and seldom audited, then does as little as it can: one true
// step a round. What it has to lose by then decides.

#pragma once

#include "adversaries/faked_gradient.h"
#include "peer/trainer.h"

namespace assay {

class LongConPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    StepGradient step_gradient(const RoundPlan& plan,
                               uint32_t step,
                               std::span<const float> theta,
                               const TokenBatch& batch,
                               std::span<float> gradient) override;

private:
    FakedGradient faked_;
};

}  // namespace assay
