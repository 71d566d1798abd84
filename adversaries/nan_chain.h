// Sends an honest payload and commits to a chain of NaN, infinities and denormals: every gradient,
// moment and parameter that it opens. L6 decides.

#pragma once

#include <memory>

#include "peer/trainer.h"
#include "verify/gradient_chain.h"

namespace assay {

class NanChainPeer : public Trainer {
public:
    using Trainer::Trainer;
    Result<TrainedRound> train(const RoundPlan& plan, const StepHook& hook) override;
    Result<OpeningNotice> answer(const RoundPlan& plan,
                                 const Commit& commit,
                                 const Digest& commit_hash,
                                 const Digest& beacon) override;

private:
    Status forge(const RoundPlan& plan, const PlanPeer& self);

    std::unique_ptr<GradientChain> forged_;  // of the last round
    std::vector<double> energies_;           // of its payload
};

}  // namespace assay
