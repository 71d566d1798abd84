// RunState, who works: what rosters and quorums are made of.

#include <algorithm>

#include "core/check.h"
#include "protocol/limits.h"
#include "protocol/plan.h"
#include "rounds/run_state.h"

namespace assay {

namespace {

constexpr uint32_t kMissesMax = 3;  // rosters in a row without work: then it pauses, ever longer
constexpr uint32_t kPauseBitsMax = 8;
constexpr uint64_t kProbationRounds = 16;

}  // namespace

// Whose work a round had, how fast it was, and who kept the others waiting. A round that nobody's
// work came to is nobody's fault alone. A speed is what the peer says, or what was seen if that is
// more: whoever says too little has the time that it showed.
void RunState::note_attendance(const RoundState& round) {
    if (!round.close || round.close->entry_count == 0) {
        return;
    }
    for (const PlanPeer& planned : round.plan.peers) {
        const auto found = members_.find(planned.id);
        if (found == members_.end()) {
            continue;  // a newcomer that did not commit
        }
        Member& member = found->second;
        const auto commit = round.commits.find(planned.id);
        if (commit == round.commits.end() || !commit->second.payload) {
            // While it rests it is in a roster that was drawn up before, or for want of others.
            if (member.away_until <= round.plan.round && ++member.missed >= kMissesMax) {
                const uint32_t pause = std::min(member.missed - kMissesMax + 2, kPauseBitsMax);
                member.away_until = RoundId{round.plan.round.value + 2 + (uint64_t{1} << pause)};
            }
            continue;
        }
        member.closed_in = round.plan.round;
        member.missed = 0;
        if (round.entered(planned.id)) {
            const int64_t took = (commit->second.payload_at - round.plan.opened_at).ms;
            const double seen = static_cast<double>(commit->second.commit.tokens) * 1000.0 /
                                static_cast<double>(std::max<int64_t>(took, 1));
            member.tokens_per_second = std::max<uint64_t>(
                commit->second.commit.tokens_per_second,
                static_cast<uint64_t>(std::min(seen, static_cast<double>(limits::kRateMax))));
        }
    }
}

bool RunState::is_proven(const PeerId& peer) const {
    const Member* known = member(peer);
    return known != nullptr && !known->ejected && known->closed_in && known->missed == 0;
}

uint64_t RunState::lasting_members() const {
    return static_cast<uint64_t>(
        std::count_if(members_.begin(), members_.end(), [this](const auto& entry) {
            const Member& member = entry.second;
            const bool counted = books_.find(entry.first)->state.tenure_rounds > 0;
            const bool lately = round_.value < member.declared_in.value + kProbationRounds;
            return !member.ejected && (counted || lately);
        }));
}

}  // namespace assay
