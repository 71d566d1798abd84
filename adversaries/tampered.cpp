#include "adversaries/tampered.h"

namespace assay {

Result<TrainedRound> TamperedPeer::train(const RoundPlan& plan, const StepHook& hook) {
    const AdamSettings right = settings_.adam;
    settings_.adam.beta2 *= 0.5F;  // v forgets, so that m / sqrt(v) is larger
    Result<TrainedRound> done = Trainer::train(plan, hook);
    settings_.adam = right;
    return done;
}

}  // namespace assay
