#include "adversaries/sybil.h"

#include "adversaries/copycat.h"
#include "core/check.h"
#include "data/assignment.h"

namespace assay {

std::vector<uint64_t> SybilPeer::choose_samples(const RoundPlan& plan,
                                                uint32_t step,
                                                std::span<const uint64_t> assigned) {
    const PlanPeer* first = copied_peer(plan, settings_.self);
    if (first == nullptr) {
        return {assigned.begin(), assigned.end()};
    }
    const Assignment dealt = assign(settings_.run_seed, plan, settings_.sample_count);
    const std::span<const uint64_t> others = dealt.find(first->id)->step(step, plan.inner_steps);
    ASSAY_CHECK(!others.empty());
    std::vector<uint64_t> chosen;
    for (size_t i = 0; i < assigned.size(); ++i) {
        chosen.push_back(others[i % others.size()]);
    }
    return chosen;
}

}  // namespace assay
