// Peers that cheat, by name: for the demo, the simulation and the tests. `assay peer` links none.
//
// Each attack is a Trainer that differs in one place and stands in a file of its own. What
// checks find it, and how surely, is in docs/verification.md.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peer/trainer.h"

namespace assay {

// random, sign_flip, scaled, lazy, other_data, copycat, stale, silent.
const std::vector<std::string>& adversary_names();

// What the reason of the verdict says that decides on this attack: words of its layer alone. Empty
// for a name that is none.
std::string_view deciding_words(std::string_view name);

// Null for a name that is none. REQUIRES: model outlives the trainer.
std::unique_ptr<Trainer> make_adversary(std::string_view name,
                                        TrainerSettings settings,
                                        TrainerPorts ports,
                                        GradientModel& model);

}  // namespace assay
