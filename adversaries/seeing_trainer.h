// A Trainer that has more than a trainer needs: what every attack that sees or does more begins as.

#pragma once

#include <utility>

#include "adversaries/adversary_ports.h"
#include "peer/trainer.h"

namespace assay {

class SeeingTrainer : public Trainer {
public:
    SeeingTrainer(TrainerSettings settings,
                  TrainerPorts ports,
                  GradientModel& model,
                  const AdversaryPorts& seen)
        : Trainer(std::move(settings), std::move(ports), model), seen_(seen) {}

protected:
    AdversaryPorts seen_;
};

}  // namespace assay
