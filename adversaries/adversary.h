// Peers that cheat, by name: for the demo, the simulation and the tests. `assay peer` links none.
//
// Each attack is a PeerWorker that differs in one place and stands in a file of its own. What
// checks find it, and how surely, is in docs/verification.md.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peer/peer_worker.h"

namespace assay {

// random, sign_flip, scaled, lazy, other_data, copycat, stale, silent.
const std::vector<std::string>& adversary_names();

// What the reason of the verdict says that decides on this attack: words of its layer alone. Empty
// for a name that is none.
std::string_view deciding_words(std::string_view name);

// Null for a name that is none. REQUIRES: model outlives the worker.
std::unique_ptr<PeerWorker> make_adversary(std::string_view name,
                                           WorkerSettings settings,
                                           WorkerPorts ports,
                                           GradientModel& model);

}  // namespace assay
