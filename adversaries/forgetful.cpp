#include "adversaries/forgetful.h"

#include "core/merkle.h"
#include "protocol/plan.h"

namespace assay {

Result<TrainedRound> ForgetfulPeer::train(const RoundPlan& plan, const StepHook& hook) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    if (self == nullptr) {
        return fail("this peer has no place in the round");
    }
    PlanPeer fresh = *self;
    fresh.m_root = fresh.v_root = fresh.e_root = zero_tiles_root(model_.layout().tile_count());
    return train_as(plan, fresh, hook);
}

}  // namespace assay
