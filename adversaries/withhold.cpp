#include "adversaries/withhold.h"

namespace assay {

Result<TrainedRound> WithholdPeer::train(const RoundPlan& plan, const StepHook& hook) {
    Result<TrainedRound> done = Trainer::train(plan, hook);
    if (done) {
        ports_.drop(done->payload.sha256);
    }
    return done;
}

}  // namespace assay
