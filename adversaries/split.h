// One machine's honest work under several keys: each is dealt as little as its part of the speed
// can do. That a token is worth the same under any key decides: docs/verification.md.

#pragma once

#include "adversaries/seeing_trainer.h"

namespace assay {

constexpr uint32_t kSplitKeys = 4;  // of one machine

class SplitPeer : public SeeingTrainer {
public:
    SplitPeer(TrainerSettings settings,
              TrainerPorts ports,
              GradientModel& model,
              const AdversaryPorts& seen);
};

}  // namespace assay
