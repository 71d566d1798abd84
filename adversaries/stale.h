// Trains from the parameters of the round before. L1 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class StalePeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    Result<std::vector<float>> base_parameters(const RoundPlan& plan) override;
    void theta_moves(std::span<const float> before) override;

private:
    std::vector<float> before_;
};

}  // namespace assay
