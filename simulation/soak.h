// Whole simulated runs one after the other, each with everything drawn from a seed of its own:
// size, audit rate, vesting, cheats, faults of network and disk, crashes and restarts, durations,
// peers that come and go. A run's seed alone repeats it.

#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "simulation/sim_run.h"

namespace assay {

struct SoakOptions {
    uint64_t seed = 1;         // of the first run; the others count up
    uint64_t rounds = 200000;  // in all, at least
    std::function<void(uint64_t run_seed, uint64_t rounds)> progress;  // before each run; may be
                                                                       // empty
};

struct SoakReport {
    uint64_t first_seed = 0;
    uint64_t last_seed = 0;
    uint64_t rounds = 0;
    uint64_t voided = 0;
    uint64_t runs = 0;
    uint64_t coordinator_restarts = 0;
    uint64_t peer_restarts = 0;
    uint64_t cheats = 0;  // keys
    uint64_t ejected = 0;
    std::string failure;  // of the last run, with its seed and round; "" if every invariant held

    [[nodiscard]] bool ok() const { return failure.empty(); }
};

// What the run of that seed is made of.
SimulationOptions drawn_run(uint64_t seed);

// Ends with the first run in which something does not hold.
SoakReport soak(const SoakOptions& options);

// One line, for people.
std::string describe(const SoakReport& report);

}  // namespace assay
