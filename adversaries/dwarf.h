// Takes steps of honest direction that are next to none. Half of a round of such payloads own the
// lower median of the norms, to which the others' are clipped: the run stands still. L5 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class DwarfPeer : public Trainer {
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
