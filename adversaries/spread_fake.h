// Feeds a constant towards zero instead of gradients: as large as clipping allows, spread over all
// parameters. L5 decides (L6t names the steps).

#pragma once

#include "peer/trainer.h"

namespace assay {

class SpreadFakePeer : public Trainer {
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
