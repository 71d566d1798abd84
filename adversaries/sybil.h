// One computation under many keys: trains on what the first of the plan was dealt, and names its
// own batches. As all of a clique do so, one machine would do for them. L5 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class SybilPeer : public Trainer {
public:
    using Trainer::Trainer;

protected:
    std::vector<uint64_t> choose_samples(const RoundPlan& plan,
                                         uint32_t step,
                                         std::span<const uint64_t> assigned) override;
};

}  // namespace assay
