// Peers that cheat, by name: for the demo, the simulation and the tests. `assay peer` links none.
//
// Each attack is a Trainer that differs in one place and stands in a file of its own. What
// checks find it, and how surely, is in docs/verification.md.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adversaries/adversary_ports.h"
#include "peer/trainer.h"
#include "protocol/messages.h"

namespace assay {

// Those of which one layer's verdict makes an end wherever everybody is audited.
const std::vector<std::string>& adversary_names();

// Those that choose round by round, or that nothing convicts because they take nothing.
const std::vector<std::string>& strategy_names();

// The layer whose verdict decides on this attack (docs/verification.md); none for the others
// and for a name that is none.
std::optional<Layer> deciding_layer(std::string_view name);

// Null for a name that is none; veteran_NAME is the same by a peer that is trusted before it begins
// (adversaries/veteran.h). REQUIRES: model outlives the trainer.
std::unique_ptr<Trainer> make_adversary(std::string_view name,
                                        TrainerSettings settings,
                                        TrainerPorts ports,
                                        GradientModel& model,
                                        const AdversaryPorts& seen = {});

}  // namespace assay
