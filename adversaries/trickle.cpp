#include "adversaries/trickle.h"

#include <utility>

namespace assay {

TricklePeer::TricklePeer(TrainerSettings settings,
                         TrainerPorts ports,
                         GradientModel& model,
                         const AdversaryPorts& seen)
    : SeeingTrainer(std::move(settings), std::move(ports), model, seen) {
    if (seen_.send_at && seen_.come_late) {
        seen_.send_at(seen_.patience.slowest_bytes_second);
        seen_.come_late(DurationMs{seen_.patience.grace.ms / 2});
    }
}

Result<OpeningNotice> TricklePeer::answer(const RoundPlan& plan,
                                          const Commit& commit,
                                          const Digest& commit_hash,
                                          const Digest& beacon) {
    // When its opening is on the way, and once more before it has come.
    for (const int64_t quarters : {3, 5}) {
        if (seen_.after && seen_.hang_up) {
            seen_.after(DurationMs{seen_.patience.grace.ms * quarters / 4}, seen_.hang_up);
        }
    }
    return Trainer::answer(plan, commit, commit_hash, beacon);
}

}  // namespace assay
