// Goes as far against the first gradient of the round as two honest ones lie apart, so that by
// distances it is one of them. L5 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class FarthestPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    StepGradient step_gradient(const RoundPlan& plan,
                               uint32_t step,
                               std::span<const float> theta,
                               const TokenBatch& batch,
                               std::span<float> gradient) override;

private:
    std::vector<float> first_;  // true gradient of step 0
};

}  // namespace assay
