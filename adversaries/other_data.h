// Trains on samples of its own choice and names the assigned ones in its trace. L5 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class OtherDataPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    std::vector<uint64_t> choose_samples(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const uint64_t> assigned) override;
};

}  // namespace assay
