#include "adversaries/split.h"

#include <utility>

namespace assay {

SplitPeer::SplitPeer(TrainerSettings settings,
                     TrainerPorts ports,
                     GradientModel& model,
                     const AdversaryPorts& seen)
    : Trainer(std::move(settings), std::move(ports), model) {
    if (seen.share_machine) {
        seen.share_machine(kSplitKeys);
    }
}

}  // namespace assay
