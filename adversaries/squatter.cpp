#include "adversaries/squatter.h"

#include "protocol/plan.h"

namespace assay {

Result<TrainedRound> SquatterPeer::train(const RoundPlan& plan, const StepHook&) {
    return fail(in_words(plan.round) + " is not worked on");
}

}  // namespace assay
