#include "adversaries/framer.h"

#include "adversaries/copycat.h"
#include "core/check.h"
#include "protocol/plan.h"

namespace assay {

Result<TrainedRound> FramerPeer::train(const RoundPlan& plan, const StepHook& hook) {
    const PlanPeer* self = find_peer(plan, settings_.self);
    const PlanPeer* framed = copied_peer(plan, settings_.self);
    if (self == nullptr || framed == nullptr) {
        return fail("nobody is there to frame");
    }
    ASSAY_CHECK(framed->id != self->id);
    const bool moved = framed->m_root != roots().m || framed->e_root != roots().e;
    if (followed_ && moved) {  // its round counted, ours did not
        if (Status taken = restore({state().theta, followed_->m, followed_->v, followed_->e});
            !taken) {
            return taken.error();
        }
    }
    Result<TrainedRound> copied = train_as(plan, *framed, hook);
    if (!copied) {
        return copied;
    }
    const std::optional<NextTripleView> behind = next(plan.round);
    ASSAY_CHECK(behind.has_value());
    followed_ = NextTriple{plan.round,
                           {behind->m.begin(), behind->m.end()},
                           {behind->v.begin(), behind->v.end()},
                           {behind->e.begin(), behind->e.end()}};
    copied->commit.e_before_root = copied->commit.states_root;
    copied->commit.numeric_class = self->numeric_class;
    return copied;
}

}  // namespace assay
