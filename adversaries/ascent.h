// Goes uphill: each gradient turned round, of honest size and through an honest chain. L5 decides.
// As more than half of a round it would make the direction gate see nobody enter, and waive itself.

#pragma once

#include "peer/trainer.h"

namespace assay {

class AscentPeer : public Trainer {
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
