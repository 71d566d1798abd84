// Trains on the very text by which shares are measured, and names the assigned batches. L5 decides.
//
// A process that has no such text repeats the first sequence of each batch instead.

#pragma once

#include "adversaries/seeing_trainer.h"

namespace assay {

class HeldOutPeer : public SeeingTrainer {
public:
    using SeeingTrainer::SeeingTrainer;

protected:
    StepGradient step_gradient(const RoundPlan& plan,
                               uint32_t step,
                               std::span<const float> theta,
                               const TokenBatch& batch,
                               std::span<float> gradient) override;
};

}  // namespace assay
