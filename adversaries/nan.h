// Trains honestly, then sends bytes that are NaN, infinity and the smallest denormal in turn,
// whatever is read there. L1 decides.

#pragma once

#include "peer/trainer.h"

namespace assay {

class NanPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;

private:
    Digest honest_payload_;
};

}  // namespace assay
