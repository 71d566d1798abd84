#include "adversaries/split.h"

#include <utility>

namespace assay {

SplitPeer::SplitPeer(TrainerSettings settings,
                     TrainerPorts ports,
                     GradientModel& model,
                     const AdversaryPorts& seen)
    : SeeingTrainer(std::move(settings), std::move(ports), model, seen) {
    if (seen_.share_machine) {
        seen_.share_machine(kSplitKeys);
    }
}

}  // namespace assay
