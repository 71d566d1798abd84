#include "adversaries/copycat.h"

#include <algorithm>

#include "core/check.h"
#include "protocol/plan.h"

namespace assay {

const PlanPeer* copied_peer(const RoundPlan& plan, const PeerId& self) {
    const auto other = std::find_if(plan.peers.begin(),
                                    plan.peers.end(),
                                    [&](const PlanPeer& peer) { return peer.id != self; });
    return other == plan.peers.end() ? nullptr : &*other;
}

Result<TrainedRound> CopycatPeer::train(const RoundPlan& plan, const StepHook& hook) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    const PlanPeer* colluder = copied_peer(plan, settings_.self);
    if (self == nullptr || colluder == nullptr) {
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
