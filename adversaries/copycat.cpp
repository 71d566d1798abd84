#include "adversaries/copycat.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/plan.h"

namespace assay {

Result<TrainedRound> CopycatPeer::train(const RoundPlan& plan, const StepHook& hook) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    const auto colluder =
        std::find_if(plan.peers.begin(), plan.peers.end(), [&](const PlanPeer& peer) {
            return peer.id != settings_.self;
        });
    if (self == nullptr || colluder == plan.peers.end()) {
        return fail("nobody is there to copy from");
    }
    ASSAY_CHECK(colluder->id != self->id);
    Result<TrainedRound> copied = train_as(plan, *colluder, hook);
    if (copied) {
        copied->commit.e_before_root = self->e_root;
        copied->commit.numeric_class = self->numeric_class;
    }
    return copied;
}

}  // namespace assay
